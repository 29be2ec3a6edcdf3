package ingest

import (
	"log/slog"
	"net/http"
	"time"
)

// Options of [New]. The zero value works.
type Options struct {
	// MaxBodyBytes limits a body, on the wire and inflated; 0 means 100 MiB, which clients count on.
	MaxBodyBytes int64
	// MaxInFlightBytes limits the memory of all bodies together; 0 means 128 MiB. It is raised to what one body of
	// MaxBodyBytes takes while it grows (1.25 times).
	MaxInFlightBytes int64
	// AdmissionTimeout is how long a request waits for its share of MaxInFlightBytes; 0 means 1s.
	AdmissionTimeout time.Duration
	// StoreTimeout is how long a request waits for the sink; 0 means 8s, so that the answer comes before clients give
	// up (10s) and send the same again.
	StoreTimeout time.Duration
	// BodyGrace is how long a body may take before its rate is looked at; 0 means 20s.
	BodyGrace time.Duration

	// Protect wraps the ingestion routes, for authentication; it runs before a byte of the body is read. Unknown paths,
	// wrong methods and health stay outside. nil means open to everyone.
	Protect func(http.Handler) http.Handler

	// Metadata answers GET /.well-known/oauth-protected-resource, without authentication; nil means 404.
	Metadata http.Handler
	// Degraded lists what /ready shows although it is 200; nil means nothing.
	Degraded func() []string

	Log *slog.Logger // nil discards
}

const (
	mib = 1 << 20

	// minBodyRate is what a client must sustain, in bytes a second. It is below every link that works and keeps a
	// trickle from holding memory for hours.
	minBodyRate = 4 << 10
	// bodyGrace is the time a body may take regardless of its rate.
	bodyGrace = 20 * time.Second
)

func (o Options) withDefaults() Options {
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = 100 * mib
	}
	if o.MaxInFlightBytes <= 0 {
		o.MaxInFlightBytes = 128 * mib
	}
	o.MaxInFlightBytes = max(o.MaxInFlightBytes, bufferSize(o.MaxBodyBytes)+bufferSize(o.MaxBodyBytes/growth+1))
	if o.AdmissionTimeout <= 0 {
		o.AdmissionTimeout = time.Second
	}
	if o.StoreTimeout <= 0 {
		o.StoreTimeout = 8 * time.Second
	}
	if o.BodyGrace <= 0 {
		o.BodyGrace = bodyGrace
	}
	if o.Protect == nil {
		o.Protect = func(h http.Handler) http.Handler { return h }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
