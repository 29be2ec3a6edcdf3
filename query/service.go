package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

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

	// TableFunctions and Scalars are functions of ours beside those of the engine.
	TableFunctions []TableFunction
	Scalars        []Scalar
	// Definitions keeps the views that are defined in SQL; nil means that there are none.
	Definitions Definitions
	// Static are tables beside those of the lake; nil means none.
	Static StaticTables
}

// Service answers statements.
type Service struct {
	lake    Lake
	engine  Engine
	timeout time.Duration
	log     *slog.Logger

	functions, tableFunctions map[string]bool

	ours    map[string]*TableFunction
	scalars []Scalar
	admin   map[string]bool // those of ours that are for administrators alone
	defined *definitions
	static  StaticTables
}

// New returns a service over the lake and the engine.
func New(l Lake, e Engine, o Options) *Service {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Static == nil {
		o.Static = noTables{}
	}
	s := &Service{lake: l, engine: e, timeout: o.Timeout, log: o.Log, static: o.Static}
	s.defined = &definitions{store: o.Definitions, log: o.Log, schema: map[string]definedSchema{}}
	s.functions, s.tableFunctions = AllowedFunctions()
	s.ours = make(map[string]*TableFunction, len(o.TableFunctions))
	s.admin = map[string]bool{}
	for i := range o.TableFunctions {
		f := &o.TableFunctions[i]
		s.ours[f.Name] = f
		s.admin[f.Name] = f.Admin
	}
	s.scalars = o.Scalars
	for _, f := range s.scalars {
		s.functions[f.Name] = true
		s.admin[f.Name] = f.Admin
	}
	return s
}

// Execute starts the statement. Its rows stream; errors are *fault.Error here and in the result. ctx ends the query.
func (s *Service) Execute(ctx context.Context, r Request) (Result, error) {
	stmt, err := s.parse(ctx, r.SQL)
	if err != nil {
		return nil, located(r.SQL, err)
	}
	if stmt.kind == kindViewDDL {
		result, err := s.defineView(ctx, stmt)
		return result, located(r.SQL, err)
	}
	if result, err := s.answer(ctx, stmt, r.Limit); result != nil || err != nil {
		if err == nil {
			err = noneWanted(r.Parameters)
		}
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
func (s *Service) parse(ctx context.Context, sql string) (*statement, error) {
	stmt, err := scan(sql)
	if err != nil && (stmt == nil || stmt.admin == nil) {
		return nil, err
	}
	if err := s.authorize(ctx, stmt); err != nil {
		return nil, err
	}
	// Finding out the columns of views takes a session of the engine, which must not happen while this statement holds one.
	for i := range stmt.tokens {
		if name, ok := stmt.name(i); ok && name == "information_schema" {
			stmt.catalogue = s.Tables(ctx)
			break
		}
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

func (s *Service) execute(ctx context.Context, cancel context.CancelFunc, stmt *statement, r Request) (answer Result, err error) {
	session, err := s.engine.Session(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	defer func() {
		if answer == nil { // after an error or a panic
			session.Close()
		}
	}()
	stmt.bound = boundValues{r.Parameters}
	p, err := s.plan(ctx, session, stmt, nil)
	if err != nil {
		return nil, err
	}
	if p.open && r.Parameters == nil {
		return nil, unboundParameters(p.countParameters())
	}
	in, err := s.attach(ctx, session, p, r.Range)
	if err != nil {
		return nil, err
	}
	defer func() {
		if answer == nil {
			in.close()
		}
	}()
	p, columns, values, err := s.prepare(ctx, session, p, r, true)
	if err != nil {
		return nil, in.blame(ctx, err)
	}
	run := &runs{session: session, plan: p, direct: in.direct, columns: columns, values: values, count: 1}
	if values != nil {
		run.count = int(r.Parameters.NumRows())
	}
	rows, err := run.next(ctx)
	if err != nil {
		return nil, in.blame(ctx, err)
	}
	if p.explain() != "" && rows != nil {
		defer cancel()
		defer in.close()
		defer session.Close()
		defer rows.Release()
		return p.explained(rows, in)
	}
	return &result{
		ctx:     ctx,
		edge:    newEdge(columns, p.traits, r.PreserveDictionary),
		rows:    rows,
		runs:    run,
		left:    limitOf(r.Limit),
		plan:    p,
		session: session,
		input:   in,
		cancel:  cancel,
	}, nil
}

// input is what a running statement reads.
type input struct {
	snapshot *lake.Snapshot
	calls    []*Rows
	direct   array.RecordReader // the answer itself, when the engine has nothing to do with it

	opened []openedRelation
}

func (in *input) close() {
	if in.direct != nil {
		in.direct.Release()
	}
	for _, rows := range in.calls {
		rows.release()
	}
	if in.snapshot != nil {
		in.snapshot.Close()
	}
}

// attach gives the session the relations of the plan.
func (s *Service) attach(ctx context.Context, session Session, p *plan, during telemetry.Range) (_ *input, err error) {
	in := &input{}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	relations := p.ours
	if in.calls, err = p.run(ctx, during); err != nil {
		return nil, err
	}
	direct := p.direct()
	for i := range p.calls {
		if direct != nil && in.calls[i].Reader != nil {
			in.direct = project(in.calls[i].Reader, direct)
			relations = append(relations, Relation{Name: p.calls[i].name, Schema: p.calls[i].call.Schema})
			continue
		}
		r, err := p.calls[i].relation(ctx, in.calls[i])
		relations = append(relations, r)
		defer releaseBatches(r.Batches)
		if err != nil {
			return nil, err
		}
	}
	scans := make([]lake.Scan, len(p.scans))
	narrowed := p.narrow(time.Now())
	for i, scan := range p.scans {
		w := narrowed[scan.name]
		asked := during
		if scan.whole {
			asked = telemetry.Range{}
		}
		scans[i] = lake.Scan{View: scan.view, Instance: scan.instance, Range: intersect(asked, w.during), Only: w.only}
	}
	if len(scans) > 0 {
		if in.snapshot, err = s.lake.Snapshot(ctx, scans); err != nil {
			return nil, err
		}
		if n := in.snapshot.LeftOut; n > 0 {
			s.log.WarnContext(ctx, "answered without blocks that cannot be read", "blocks", n)
		}
		ordered := p.ordered()
		for i, table := range in.snapshot.Tables {
			order := table.OrderBy
			if !ordered {
				order = ""
			}
			relations = append(relations, Relation{
				Name: p.scans[i].name, Schema: table.Schema,
				Files: table.Files, Batches: table.Batches, Query: table.Query, Sources: table.Sources,
				Filter: table.Filter, OrderBy: order,
			})
		}
	}
	in.count(relations)
	for i := range p.derived {
		relations = append(relations, p.derived[i].relation(during))
	}
	if err := session.Attach(ctx, p.attachment(relations)); err != nil {
		return nil, in.blame(ctx, err)
	}
	s.log.DebugContext(ctx, "query starts", "relations", len(relations), "statement_bytes", len(p.stmt.sql))
	return in, nil
}

// openedRelation is what the engine may read of a relation.
type openedRelation struct {
	name, filter string
	files        int
	bytes        int64
}

// count adds up the files of the relations.
func (in *input) count(relations []Relation) {
	for _, r := range relations {
		files := slices.Concat(slices.Concat(r.Sources...), r.Files)
		o := openedRelation{name: r.Name, filter: r.Filter, files: len(files)}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil { // the engine will complain about a file that is missing
				o.bytes += info.Size()
			}
		}
		in.opened = append(in.opened, o)
	}
}

func (p *plan) attachment(relations []Relation) Attachment {
	return Attachment{Relations: relations, Scalars: p.scalars, Operators: p.stmt.kind == kindAnalyze}
}

func releaseBatches(batches []arrow.RecordBatch) {
	for _, b := range batches {
		b.Release()
	}
}

// Describe returns the columns that the statement would answer with dictionaries kept.
func (s *Service) Describe(ctx context.Context, sql string) (*arrow.Schema, error) {
	d, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		return nil, err
	}
	return d.Columns, nil
}

// Prepare finds out what the statement answers and which parameters it has. It plans against empty tables, so that it needs
// no range and no data, and runs nothing. With parameters, the types of these values count, as they do when it runs;
// without, those that the statement expects.
func (s *Service) Prepare(ctx context.Context, sql string, parameters arrow.RecordBatch) (*Description, error) {
	d, err := s.describe(ctx, sql, parameters)
	return d, located(sql, err)
}

func (s *Service) describe(ctx context.Context, sql string, parameters arrow.RecordBatch) (*Description, error) {
	stmt, err := s.parse(ctx, sql)
	if err != nil {
		return nil, err
	}
	if stmt.kind == kindViewDDL {
		return &Description{Columns: viewDDLSchema, Parameters: parameterSchema(nil)}, nil
	}
	if result, err := s.answer(ctx, stmt, nil); result != nil || err != nil {
		if err != nil {
			return nil, err
		}
		defer result.Release()
		return &Description{Columns: result.Schema(), Parameters: parameterSchema(nil)}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, s.tooLong())
	defer cancel()
	session, err := s.engine.Planner(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	defer session.Close()
	stmt.bound = boundValues{parameters}
	p, err := s.plan(ctx, session, stmt, nil)
	if err != nil {
		return nil, err
	}
	relations := p.ours
	for _, scan := range p.scans {
		relations = append(relations, Relation{Name: scan.name, Schema: scan.schema})
	}
	for _, c := range p.calls {
		relations = append(relations, Relation{Name: c.name, Schema: c.call.Schema})
	}
	for i := range p.derived {
		relations = append(relations, p.derived[i].relation(telemetry.Range{}))
	}
	if err := session.Attach(ctx, p.attachment(relations)); err != nil {
		return nil, err
	}
	p, columns, _, err := s.prepare(ctx, session, p, Request{Parameters: parameters}, parameters != nil)
	if err != nil {
		return nil, err
	}
	_, all := p.parameters(session)
	d := &Description{Parameters: parameterSchema(all)}
	if p.explain() != "" {
		d.Columns, _ = textBatch([]string{"plan_type", "plan"}, nil)
		return d, nil
	}
	d.Columns = newEdge(columns, p.traits, true).schema
	return d, nil
}

// stage says in the words of existing servers how far a statement came that is to blame.
func stage(err *SQLError) string {
	switch {
	case err.Fault.Kind != fault.Invalid && err.Fault.Kind != fault.Unimplemented:
		return ""
	case err.Data:
		return "error executing plan: "
	}
	return stageBuilding
}

const stageBuilding = "error building dataframe: "

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
	f.Msg = stage(at) + f.Msg
	if at.Pos >= 0 && at.Pos <= len(sql) {
		before := sql[:at.Pos]
		line := 1 + strings.Count(before, "\n")
		column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		f.Msg += fmt.Sprintf(" (at line %d, column %d)", line, column)
	}
	if f.Fix == "" {
		f.Fix = engineHint(sql, at)
	}
	return &f
}
