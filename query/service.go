package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Lake is what queries read.
type Lake interface {
	// Views names the tables that statements find without view_instance.
	Views() []string
	// Schema returns the columns of a view; instance is "" for the bare table. It needs no data and no existing instance.
	Schema(view, instance string) (*arrow.Schema, error)
	// Snapshot returns a consistent state of all scans, in their order.
	Snapshot(ctx context.Context, scans []lake.Scan) (*lake.Snapshot, error)
}

// Options are the limits of a service. The zero value works.
type Options struct {
	Timeout time.Duration // of one query, from its arrival to its last row; 0 means 5 minutes
	Log     *slog.Logger  // nil discards
}

// Service answers statements.
type Service struct {
	lake    Lake
	engine  Engine
	timeout time.Duration
	log     *slog.Logger

	functions, tableFunctions map[string]bool
}

// New returns a service over the lake and the engine.
func New(l Lake, e Engine, o Options) *Service {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{lake: l, engine: e, timeout: o.Timeout, log: o.Log}
	s.functions, s.tableFunctions = AllowedFunctions()
	return s
}

// Execute starts the statement. Its rows stream; errors are *fault.Error here and in the result. ctx ends the query.
func (s *Service) Execute(ctx context.Context, r Request) (Result, error) {
	stmt, err := parse(ctx, r.SQL)
	if err != nil {
		return nil, located(r.SQL, err)
	}
	if result, err := s.answer(stmt, r.Limit); result != nil || err != nil {
		return result, located(r.SQL, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, s.tooLong())
	result, err := s.execute(ctx, cancel, stmt, r)
	if err != nil {
		cancel()
		return nil, located(r.SQL, err)
	}
	return result, nil
}

// parse scans sql and refuses what the caller may not ask for.
func parse(ctx context.Context, sql string) (*statement, error) {
	stmt, err := scan(sql)
	if err != nil && (stmt == nil || stmt.admin == nil) {
		return nil, err
	}
	if err := authorize(ctx, stmt); err != nil {
		return nil, err
	}
	return stmt, err
}

func (s *Service) tooLong() error {
	return &fault.Error{
		Kind: fault.Exhausted,
		Msg:  fmt.Sprintf("the query ran longer than %s", s.timeout),
		Fix:  "narrow the time range, or aggregate less at once",
	}
}

func (s *Service) execute(ctx context.Context, cancel context.CancelFunc, stmt *statement, r Request) (_ Result, err error) {
	session, err := s.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			session.Close()
		}
	}()
	p, err := s.plan(ctx, session, stmt)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.attach(ctx, session, p, r.Range)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			snapshot.Close()
		}
	}()
	columns, err := session.Prepare(ctx, p.sql(r.Limit))
	if err != nil {
		return nil, p.located(err)
	}
	rows, err := session.Run(ctx)
	if err != nil {
		return nil, p.located(err)
	}
	if p.explain() != "" {
		defer cancel()
		defer snapshot.Close()
		defer session.Close()
		defer rows.Release()
		return p.explained(rows)
	}
	return &result{
		edge:     newEdge(columns, p.traits, r.PreserveDictionary),
		rows:     rows,
		left:     limitOf(r.Limit),
		plan:     p,
		session:  session,
		snapshot: snapshot,
		cancel:   cancel,
	}, nil
}

// attach gives the session the relations of the plan.
func (s *Service) attach(ctx context.Context, session Session, p *plan, during telemetry.Range) (*lake.Snapshot, error) {
	scans := make([]lake.Scan, len(p.scans))
	for i, scan := range p.scans {
		scans[i] = lake.Scan{View: scan.view, Instance: scan.instance, Range: during}
	}
	snapshot := &lake.Snapshot{}
	if len(scans) > 0 {
		var err error
		if snapshot, err = s.lake.Snapshot(ctx, scans); err != nil {
			return nil, err
		}
	}
	relations := p.ours
	ordered := p.ordered()
	for i, table := range snapshot.Tables {
		order := table.OrderBy
		if !ordered {
			order = ""
		}
		relations = append(relations, Relation{
			Name: p.scans[i].name, Schema: table.Schema,
			Files: table.Files, Batches: table.Batches, Filter: table.Filter, OrderBy: order,
		})
	}
	if err := session.Attach(ctx, relations); err != nil {
		snapshot.Close()
		return nil, err
	}
	s.log.DebugContext(ctx, "query starts", "relations", len(relations), "statement_bytes", len(p.stmt.sql))
	return snapshot, nil
}

// Describe returns the columns that the statement would answer with dictionaries kept. It plans against empty tables, so
// that it needs no range and no data, and runs nothing.
func (s *Service) Describe(ctx context.Context, sql string) (*arrow.Schema, error) {
	schema, err := s.describe(ctx, sql)
	return schema, located(sql, err)
}

func (s *Service) describe(ctx context.Context, sql string) (*arrow.Schema, error) {
	stmt, err := parse(ctx, sql)
	if err != nil {
		return nil, err
	}
	if result, err := s.answer(stmt, nil); result != nil || err != nil {
		if err != nil {
			return nil, err
		}
		defer result.Release()
		return result.Schema(), nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, s.tooLong())
	defer cancel()
	session, err := s.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	p, err := s.plan(ctx, session, stmt)
	if err != nil {
		return nil, err
	}
	relations := p.ours
	for _, scan := range p.scans {
		relations = append(relations, Relation{Name: scan.name, Schema: scan.schema})
	}
	if err := session.Attach(ctx, relations); err != nil {
		return nil, err
	}
	columns, err := session.Prepare(ctx, p.sql(nil))
	if err != nil {
		return nil, p.located(err)
	}
	if p.explain() != "" {
		schema, _ := textBatch([]string{"plan_type", "plan"}, nil)
		return schema, nil
	}
	return newEdge(columns, p.traits, true).schema, nil
}

// located makes a *fault.Error of err, with the place in the user's text in its message when that is known.
func located(sql string, err error) error {
	if err == nil {
		return nil
	}
	var at *SQLError
	if !errors.As(err, &at) {
		if f := fault.Of(err); f != nil {
			return f
		}
		return fault.Wrap(fault.Internal, "the query failed", err)
	}
	f := *at.Fault
	if at.Pos >= 0 && at.Pos <= len(sql) {
		before := sql[:at.Pos]
		line := 1 + strings.Count(before, "\n")
		column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		f.Msg += fmt.Sprintf(" (at line %d, column %d)", line, column)
	}
	return &f
}
