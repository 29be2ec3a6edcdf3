package server

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
)

// living is the configuration that may change while the program runs: credentials and certificates in files (B34, B40).
// SIGHUP has them read at once; without it changes are found by looking.
type living struct {
	auth *authenv.Reloader // nil with --disable-auth
	tls  *Certificates     // nil without TLS
	log  *slog.Logger
	hup  <-chan os.Signal
}

// hangUps takes SIGHUP over, so that one that comes during the start ends nothing, until stop is called.
func hangUps() (hup <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// run follows changes until ctx ends.
func (l *living) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if l.auth != nil {
		g.Go(func() error { return l.auth.Run(ctx) })
	}
	g.Go(func() error { return l.tls.Run(ctx) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-l.hup:
				l.reload(ctx)
			}
		}
	})
	return g.Wait()
}

func (l *living) reload(ctx context.Context) {
	failed := l.tls.Reload(ctx) != nil // logged there, as is the next
	if l.auth != nil && l.auth.Reload(ctx) != nil {
		failed = true
	}
	if failed {
		l.log.ErrorContext(ctx, "SIGHUP: some of the configuration was not reloaded, see above")
		return
	}
	l.log.InfoContext(ctx, "SIGHUP: configuration reloaded")
}

// warnPlaintext says which listeners carry credentials in the clear to where others can read them (B40).
func warnPlaintext(ctx context.Context, c Config, log *slog.Logger) {
	if c.DisableAuth || c.TLS.Cert != "" {
		return
	}
	for _, l := range []struct{ flag, addr string }{{flagHTTP, c.HTTP}, {flagGRPC, c.GRPC}} {
		if l.addr == "" {
			continue
		}
		if host, _, err := net.SplitHostPort(l.addr); err == nil && auth.LoopbackHost(host) {
			continue
		}
		log.WarnContext(ctx, "credentials travel in plaintext on an address that is not loopback: "+
			"let a proxy terminate TLS in front of it, or give --tls-cert and --tls-key", "flag", "--"+l.flag, "addr", l.addr)
	}
}
