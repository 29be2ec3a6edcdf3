// Package ingestion is the role of a program that takes telemetry in over HTTP.
package ingestion

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/internal/server"
)

// Service is an [ingest.Server] on its port.
type Service struct {
	config   server.Config
	tls      *tls.Config // nil: plaintext
	log      *slog.Logger
	ingest   *ingest.Server
	listener net.Listener
}

// New is a [server.Role].
func New(b *server.Base) (server.Service, error) {
	door := authhttp.New(b.Auth, authhttp.Options{
		Role: auth.RoleWriter, Metadata: true, Log: b.Log.With("component", "ingest"),
	})
	return &Service{config: b.Config, tls: b.TLS.Config("h2", "http/1.1"), log: b.Log.With("component", "ingest"), ingest: ingest.New(b.Lake, ingest.Options{
		Protect:  door.Protect,
		Metadata: door.Metadata(),
		Degraded: b.Auth.Degraded,
		Log:      b.Log, // ingest names itself
	})}, nil
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
	err := server.ServeHTTP(ctx, s.listener, s.ingest.Handler(), s.config.Grace, s.log)
	s.log.InfoContext(ctx, "stopped", "served", s.ingest.Stats())
	return err
}

// Close implements [server.Service].
func (s *Service) Close() error { return server.CloseListener(s.listener) }
