package sdkhttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

const (
	headerParent = "Traceparent"
	headerState  = "Tracestate"
	// sampled is the flag that says that the caller records the trace.
	sampled = 1
	// maxState is what has to be carried of a tracestate at least, section 3.3.1.5; what is longer is dropped.
	maxState = 512
)

// Trace is the place of a request in a trace.
type Trace struct {
	TraceID [16]byte
	SpanID  [8]byte
	Flags   byte
	State   string // of tracestate, handed on as it is
}

// Parse reads the headers traceparent and tracestate, section 3.2 and 3.3. What is malformed counts as not there.
func Parse(h http.Header) (Trace, bool) {
	values := h.Values(headerParent)
	if len(values) != 1 {
		return Trace{}, false
	}
	// version 2, trace id 32, span id 16, flags 2 digits, with - between them
	const length, traceAt, spanAt, flagsAt = 55, 3, 36, 53
	s := values[0]
	if len(s) < length || s[traceAt-1] != '-' || s[spanAt-1] != '-' || s[flagsAt-1] != '-' || s != strings.ToLower(s) {
		return Trace{}, false
	}
	var (
		t              Trace
		version, flags [1]byte
	)
	for _, part := range []struct {
		dst  []byte
		text string
	}{
		{version[:], s[:traceAt-1]}, {t.TraceID[:], s[traceAt : spanAt-1]}, {t.SpanID[:], s[spanAt : flagsAt-1]}, {flags[:], s[flagsAt:length]},
	} {
		if _, err := hex.Decode(part.dst, []byte(part.text)); err != nil {
			return Trace{}, false
		}
	}
	const forbidden = 0xff
	switch {
	case version[0] == forbidden, t.TraceID == [16]byte{}, t.SpanID == [8]byte{}:
		return Trace{}, false
	case version[0] == 0 && len(s) != length, len(s) > length && s[length] != '-':
		return Trace{}, false
	}
	t.Flags = flags[0] & sampled // the only one that version 00 knows
	if state := strings.Join(h.Values(headerState), ","); len(state) <= maxState {
		t.State = state
	}
	return t, true
}

// Set writes the headers of a request that goes out.
func (t Trace) Set(h http.Header) {
	h.Set(headerParent, "00-"+hex.EncodeToString(t.TraceID[:])+"-"+hex.EncodeToString(t.SpanID[:])+"-"+hex.EncodeToString([]byte{t.Flags}))
	if t.State == "" {
		h.Del(headerState)
	} else {
		h.Set(headerState, t.State)
	}
}

// child is a span inside t, or the first of a new trace.
func (t Trace) child() Trace {
	if t.TraceID == [16]byte{} {
		_, _ = rand.Read(t.TraceID[:]) // never fails
		t.Flags = sampled
	}
	_, _ = rand.Read(t.SpanID[:])
	return t
}

type traceKey struct{}

// From returns the place in its trace of the request that ctx belongs to.
func From(ctx context.Context) (Trace, bool) {
	t, ok := ctx.Value(traceKey{}).(Trace)
	return t, ok
}

func with(ctx context.Context, t Trace) context.Context { return context.WithValue(ctx, traceKey{}, t) }

// properties are those that every span has.
func properties(t Trace, parent [8]byte) []any {
	p := []any{"trace_id", hex.EncodeToString(t.TraceID[:]), "span_id", hex.EncodeToString(t.SpanID[:])}
	if parent != [8]byte{} {
		p = append(p, "parent_span_id", hex.EncodeToString(parent[:]))
	}
	return p
}
