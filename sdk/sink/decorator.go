package sink

import (
	"net/http"
	"time"
)

// Decorator puts a credential on requests to the ingestion server. It is called on goroutines of the sink, several at
// once; the request's context limits how long it may take.
//
// An error keeps the request waiting: the sink tries again with growing delays. [CredentialError] says more.
type Decorator interface {
	Decorate(*http.Request) error
}

// DecoratorFactory makes the decorator of one sink. It is called once, by [New].
type DecoratorFactory func() (Decorator, error)

// DecoratorFunc is a function that is a [Decorator].
type DecoratorFunc func(*http.Request) error

// Decorate implements [Decorator].
func (f DecoratorFunc) Decorate(r *http.Request) error { return f(r) }

// Renewer is a [Decorator] whose credential can be renewed.
type Renewer interface {
	Decorator
	// Renew is told that the server answered 401 to r. It says whether trying again at once, with a new credential, may
	// help.
	Renew(r *http.Request) bool
}

// CredentialError is an error of a [Decorator].
type CredentialError struct {
	Err error
	// Refused: the provider said no, and somebody has to change something. The sink keeps what it has and tries again
	// slowly.
	Refused bool
	// RetryAfter is how long to wait at least.
	RetryAfter time.Duration
}

// Error implements error.
func (e *CredentialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *CredentialError) Unwrap() error { return e.Err }
