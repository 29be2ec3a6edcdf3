// Package fault classifies errors at the edge: a Kind says what the caller can do, the message what and which, the fix
// what to do about it, and the cause stays in the log.
package fault

import (
	"errors"
	"time"
)

// Kind says whose turn it is after an error.
type Kind int

// The kinds; each transport has one table that maps them.
const (
	Internal         Kind = iota // our bug: the caller gets a request id, never the cause
	Invalid                      // the request is wrong and will stay wrong
	Unauthenticated              // no valid credential
	PermissionDenied             // a valid credential without the right
	NotFound                     // what the request names does not exist
	TooLarge                     // a limit on size
	Exhausted                    // a budget: memory, time, queue of this caller
	Unavailable                  // a part we need is out of reach; try again later
	Unimplemented                // known, not supported
	Canceled                     // the caller left
	Exists                       // what the request would make is there already
)

// Error is an error that may be shown to the caller.
type Error struct {
	Kind       Kind
	Msg        string        // what and which; shown
	Fix        string        // what to do; shown after the message when set
	Err        error         // the cause; logged, never sent
	RetryAfter time.Duration // for Unavailable and Exhausted; 0 means unknown
}

// New returns an error of kind with a message for the caller.
func New(kind Kind, msg string) *Error { return &Error{Kind: kind, Msg: msg} }

// Wrap returns an error of kind with a message for the caller and the cause for the log.
func Wrap(kind Kind, msg string, cause error) *Error { return &Error{Kind: kind, Msg: msg, Err: cause} }

// Error returns message and cause, for logs. Use [Error.Public] for callers.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Public returns what the caller may see.
func (e *Error) Public() string {
	if e.Fix != "" {
		return e.Msg + "; " + e.Fix
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the first *Error in err's chain, or nil.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// KindOf returns the kind of err; Internal when it was never classified.
func KindOf(err error) Kind {
	if e := Of(err); e != nil {
		return e.Kind
	}
	return Internal
}
