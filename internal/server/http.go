package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of every HTTP server of ours, against clients that are slow on purpose or by accident.
const (
	readHeaderTimeout = 10 * time.Second
	// readTimeout is for a whole request; handlers that take large bodies move the deadline along with what arrives.
	readTimeout = time.Minute
	idleTimeout = 2 * time.Minute // longer than clients' flush period of 60 s, so that they keep their connection
	// maxHeaderBytes leaves room for tokens with many groups, some 16 KiB.
	maxHeaderBytes = 64 << 10
	// abandonTimeout is for handlers to notice that their connection was closed under them.
	abandonTimeout = 2 * time.Second
)

// ErrGraceElapsed says that work was still under way when the grace period ended.
var ErrGraceElapsed = errors.New("the grace period elapsed with work still in flight")

// ServeHTTP answers on l, in HTTP/1.1 and HTTP/2, until ctx ends. Over a TLS listener the client chooses, else HTTP/2 takes
// prior knowledge. Then it stops listening, lets
// requests go on for grace, closes the connections of those that are left, waits until their handlers have returned, and
// returns nil or [ErrGraceElapsed].
func ServeHTTP(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration, log *slog.Logger) error {
	var handlers sync.WaitGroup
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		h.ServeHTTP(w, r)
	})
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Handler:           counted,
		Protocols:         &protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong below HTTP
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve http on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Shutdown(drain)
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		log.WarnContext(ctx, "http server ended with an error while stopping", "err", err)
	}
	if err == nil {
		return nil
	}
	_ = s.Close() // the error is about listeners, which are closed already
	returned := make(chan struct{})
	go func() { handlers.Wait(); close(returned) }()
	select {
	case <-returned:
	case <-time.After(abandonTimeout):
	}
	return ErrGraceElapsed
}
