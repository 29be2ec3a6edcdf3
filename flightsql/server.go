package flightsql

import (
	"context"
	"log/slog"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/micromegas-go/micromegas/bulk"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/denylist"
)

// Queries answers SQL; package query's Service is one. Errors are *fault.Error where the caller may see them.
type Queries interface {
	// Execute starts the statement. The result ends when ctx does, and must be released.
	Execute(ctx context.Context, r query.Request) (query.Result, error)
	// Prepare plans the statement without a range and without running it: the schema with dictionary types kept, and its
	// parameters. Parameters are values for them, whose types count then, or nil.
	Prepare(ctx context.Context, sql string, parameters arrow.RecordBatch) (*query.Description, error)
	// Tables lists what statements may name.
	Tables(ctx context.Context) []query.TableInfo
}

// Denials refuses queries; package denylist's List is one.
type Denials interface {
	// Check returns why the query is refused, a *[denylist.DeniedError], or nil. queryID is for the message.
	Check(ctx context.Context, r *denylist.Request, queryID string) error
}

// Options configure a [Server]; the zero value works.
type Options struct {
	Log        *slog.Logger     // nil discards
	Now        func() time.Time // nil means time.Now
	ServerName string           // as GetSqlInfo tells it; empty means the name existing clients know
	Version    string           // empty means "1", which existing clients know
	Sink       bulk.Sink        // takes what administrators send in bulk; nil refuses it
	// Denials may refuse queries before they begin; nil refuses none.
	Denials Denials
	// Grace is how long running queries may go on after the context of Serve has ended; 0 means 25 s, less than the 30 s
	// that container platforms wait before they kill.
	Grace time.Duration
}

// Server is the Flight SQL service.
type Server struct {
	flight.BaseFlightServer
	queries Queries
	denials Denials
	log     *slog.Logger
	now     func() time.Time
	grace   time.Duration
	sink    bulk.Sink
	info    []sqlInfo
	running running
	health  health
}

// New returns a server in front of q. It listens once [Server.Serve] is called.
func New(q Queries, o Options) *Server {
	s := &Server{queries: q, denials: o.Denials, log: o.Log, now: o.Now, grace: o.Grace, sink: o.Sink}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.grace == 0 {
		s.grace = 25 * time.Second
	}
	if o.ServerName == "" {
		o.ServerName = "Micromegas Flight SQL Server"
	}
	if o.Version == "" {
		o.Version = "1"
	}
	s.info = append(serverInfo(o.ServerName, o.Version), sqlInfos()...)
	s.health.stopping = make(chan struct{})
	return s
}

// Register adds the Flight and health services to g, which must have been made with [Server.ServerOptions].
func (s *Server) Register(g *grpc.Server) {
	flight.RegisterFlightServiceServer(g, s)
	healthpb.RegisterHealthServer(g, &s.health)
}
