// Package health answers the two questions of load balancers and supervisors over HTTP: /health, is the process alive,
// and /ready, would a request succeed.
package health

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Limits of the readiness probe. It is public, so its cost must not depend on how often somebody asks.
const (
	probeTimeout = 2 * time.Second // longer counts as not ready; probes of supervisors give up soon after
	successLife  = time.Second     // a success is remembered so long, a failure is not
)

// Check answers readiness. Probes never run side by side: who asks during a probe gets its result.
type Check struct {
	// Degraded, if set, lists what does not work as it should although requests are answered, one line each. /ready stays
	// 200 and shows the lines. Everybody can read them.
	Degraded func() []string

	probe func(context.Context) error
	log   *slog.Logger

	mu      sync.Mutex
	okUntil time.Time
	running *attempt // nil when no probe is under way
	failing bool     // the last probe failed; a change is logged, its repetitions are not
}

type attempt struct {
	done chan struct{}
	err  error // set before done is closed
}

// New returns a check that asks probe. A nil log discards.
func New(probe func(context.Context) error, log *slog.Logger) *Check {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Check{probe: probe, log: log}
}

// Handler serves /health and /ready on a listener of its own; everything else is 404.
func (c *Check) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
			Alive(w, r)
		case "/ready":
			c.Ready(w, r)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
}

// Alive answers /health: 200 as long as the process can answer at all.
func Alive(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	w.WriteHeader(http.StatusOK)
}

// Ready answers /ready: 200, or 503 when the stores can't be reached. There is a body only to tell what is degraded.
func (c *Check) Ready(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	if err := c.Err(r.Context()); err != nil {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if c.Degraded != nil {
		if lines := c.Degraded(); len(lines) > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = io.WriteString(w, "degraded: "+strings.Join(lines, "\ndegraded: ")+"\n")
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

// Err returns nil when the last probe succeeded less than a second ago, else what a probe says now.
func (c *Check) Err(ctx context.Context) error {
	c.mu.Lock()
	if time.Now().Before(c.okUntil) {
		c.mu.Unlock()
		return nil
	}
	a := c.running
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		c.running = a
		// The probe outlives the request that caused it, because others wait for it too.
		go c.run(context.WithoutCancel(ctx), a)
	}
	c.mu.Unlock()
	late := time.NewTimer(probeTimeout + probeTimeout/4) // for a probe that doesn't heed its context
	defer late.Stop()
	select {
	case <-a.done:
		return a.err
	case <-late.C:
		return context.DeadlineExceeded
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Check) run(ctx context.Context, a *attempt) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	a.err = c.probe(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = nil
	if a.err == nil {
		c.okUntil = time.Now().Add(successLife)
	}
	if failing := a.err != nil; failing != c.failing {
		c.failing = failing
		if failing {
			c.log.WarnContext(ctx, "not ready", "err", a.err)
		} else {
			c.log.InfoContext(ctx, "ready again")
		}
	}
	close(a.done)
}

func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	w.WriteHeader(http.StatusMethodNotAllowed)
	return false
}
