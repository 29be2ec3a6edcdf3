// Package analytics is the role of a program that answers SQL over Arrow Flight. It links the query engine.
package analytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authgrpc"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/flightsql"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/health"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/admin"
	"github.com/micromegas-go/micromegas/query/denylist"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/query/static"
)

// Service is a [flightsql.Server] on its port, with the plain health port beside it if that is configured.
type Service struct {
	config  server.Config
	log     *slog.Logger
	spill   *spill
	engine  *duck.Engine
	flight  *flightsql.Server
	denials *denylist.List
	static  *static.Tables // nil: none

	options  []grpc.ServerOption // authentication and TLS
	protocol string              // for the log
	probes   http.Handler

	grpc, health net.Listener // health may be nil
}

// New is a [server.Role].
func New(ctx context.Context, b *server.Base) (server.Service, error) {
	log := b.Log.With("component", "analytics")
	spill, err := openSpill(filepath.Join(b.Config.DataDir, "spill"))
	if err != nil {
		return nil, err
	}
	tables, err := openStatic(ctx, b, spill.dir, log)
	if err != nil {
		return nil, errors.Join(err, spill.Close())
	}
	engine, err := duck.Open(duck.Options{
		MemoryLimit:   b.Config.Query.MemoryBytes,
		MaxConcurrent: b.Config.Query.Concurrency,
		TempDir:       spill.dir,
		Log:           log,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the query engine: %w", err), spill.Close())
	}
	door := authgrpc.New(b.Auth, authgrpc.Options{Role: auth.RoleReader, Log: log}).Interceptors()
	protocol := "grpc"
	if cfg := b.TLS.Config("h2"); cfg != nil {
		door, protocol = append(door, grpc.Creds(credentials.NewTLS(cfg))), "grpc+tls"
	}
	denials := denylist.New(b.Catalog, denylist.Options{
		MaxRules: b.Config.Query.DenyRules, Refresh: b.Config.Query.DenyRefresh, Log: log,
	})
	administration := admin.New(b.Lake, denials, log)
	functions, scalars := query.LakeFunctions(b.Lake)
	options := query.Options{
		Timeout: b.Config.Query.Timeout, Log: log,
		TableFunctions: slices.Concat(functions, administration.TableFunctions(), []query.TableFunction{query.DefinedViews(b.Catalog)}),
		Scalars:        append(scalars, administration.Scalars()...),
		Definitions:    b.Catalog,
	}
	if tables != nil {
		options.Static = tables
	}
	queries := query.New(b.Lake, engine, options)
	return &Service{
		config: b.Config,
		log:    log,
		spill:  spill,
		engine: engine,
		flight: flightsql.New(queries, flightsql.Options{
			Log:     log,
			Denials: denials,
			Sink:    b.Lake,
			Grace:   max(b.Config.Grace, time.Nanosecond), // there, 0 stands for a default
		}),
		denials:  denials,
		static:   tables,
		options:  door,
		protocol: protocol,
		probes:   probes(b, log),
	}, nil
}

// probes is what the plain health port answers.
func probes(b *server.Base, log *slog.Logger) http.Handler {
	ready := health.New(b.Lake.Ready, log)
	ready.Degraded = b.Auth.Degraded
	public, metadata := ready.Handler(), authhttp.New(b.Auth, authhttp.Options{Log: log}).Metadata()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == authhttp.MetadataPath {
			metadata.ServeHTTP(w, r)
			return
		}
		public.ServeHTTP(w, r)
	})
}

// Listen implements [server.Service].
func (s *Service) Listen(ctx context.Context) (err error) {
	if s.grpc, err = server.Listen(ctx, server.FlagGRPC, s.config.GRPC); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "listening", "protocol", s.protocol, "addr", s.grpc.Addr().String())
	if s.config.Health == "" {
		return nil
	}
	if s.health, err = server.Listen(ctx, server.FlagHealth, s.config.Health); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "listening", "protocol", "health", "addr", s.health.Addr().String())
	return nil
}

// Serve implements [server.Service].
func (s *Service) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.serveFlight(ctx) })
	g.Go(func() error { return s.denials.Run(ctx) })
	if s.static != nil {
		g.Go(func() error { return s.static.Run(ctx) })
	}
	if s.health != nil {
		g.Go(func() error {
			const grace = time.Second // of probes
			return server.ServeHTTP(ctx, s.health, s.probes, grace, s.log)
		})
	}
	return g.Wait()
}

// serveFlight serves until ctx ends. flightsql doesn't tell whether it had to end calls, but the time does.
func (s *Service) serveFlight(ctx context.Context) error {
	var told atomic.Int64
	defer context.AfterFunc(ctx, func() { told.Store(time.Now().UnixNano()) })()
	if err := s.flight.Serve(ctx, s.grpc, s.options...); err != nil {
		return err
	}
	if at := told.Load(); at != 0 && time.Since(time.Unix(0, at)) >= s.config.Grace && s.config.Grace > 0 {
		return server.ErrGraceElapsed
	}
	return nil
}

// Close implements [server.Service].
func (s *Service) Close() error {
	return errors.Join(server.CloseListener(s.grpc), server.CloseListener(s.health), s.engine.Close(), s.spill.Close())
}
