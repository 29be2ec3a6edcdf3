// Package ingestion is the role of a program that takes telemetry in over HTTP.
package ingestion

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/keyadmin"
)

// Service is an [ingest.Server] on its port.
type Service struct {
	config   server.Config
	tls      *tls.Config // nil: plaintext
	log      *slog.Logger
	ingest   *ingest.Server
	routes   http.Handler // of ingest, and of the administration of keys
	listener net.Listener
}

// New is a [server.Role].
func New(_ context.Context, b *server.Base) (server.Service, error) {
	log := b.Log.With("component", "ingest")
	door := authhttp.New(b.Auth, authhttp.Options{Role: auth.RoleWriter, Metadata: true, Log: log})
	in := ingest.New(b.Lake, ingest.Options{
		Protect:  door.Protect,
		Metadata: door.Metadata(),
		Degraded: b.Auth.Degraded,
		Log:      b.Log, // it names itself
	})
	return &Service{
		config: b.Config,
		tls:    b.TLS.Config("h2", "http/1.1"),
		log:    log,
		ingest: in,
		routes: keyadmin.Handler(b.Keys, b.Auth, authhttp.Options{Metadata: true, Log: b.Log}, in.Handler()),
	}, nil
}

// Listen implements [server.Service].
func (s *Service) Listen(ctx context.Context) (err error) {
	if s.listener, err = server.Listen(ctx, server.FlagHTTP, s.config.HTTP); err != nil {
		return err
	}
	protocol := "http"
	if s.tls != nil {
		s.listener, protocol = tls.NewListener(s.listener, s.tls), "https"
	}
	s.log.InfoContext(ctx, "listening", "protocol", protocol, "addr", s.listener.Addr().String())
	return nil
}

// Serve implements [server.Service].
func (s *Service) Serve(ctx context.Context) error {
	err := server.ServeHTTP(ctx, s.listener, s.routes, s.config.Grace, s.log)
	s.log.InfoContext(ctx, "stopped", "served", s.ingest.Stats())
	return err
}

// Close implements [server.Service].
func (s *Service) Close() error { return server.CloseListener(s.listener) }
