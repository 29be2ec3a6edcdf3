package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// plan is a checked statement.
type plan struct {
	stmt  *statement
	text  rewritten
	tree  node
	scans []planScan
	ours  []Relation // information_schema
	calls []planCall

	tables  []node    // of the definition of a view: every mention of a table that is no WITH name
	derived []derived // views defined in SQL, each after those that it reads

	scalars []Scalar // functions of ours that it calls

	typed  map[int]arrow.DataType // see inference
	traits []trait                // of the columns of the answer; nil when not known
}

// planScan is a relation of the lake.
type planScan struct {
	name           string // in the rewritten statement
	view, instance string
	schema         *arrow.Schema
	whole          bool // read by the definition of a view: the range of the request leaves out nothing
}

// plan rewrites the statement, has it parsed, and checks the tree. Some of the dialect depends on declared types, which only
// the checked tree tells; such a statement goes round again, with the answers in its text.
//
// casts are the types of parameters, by name; nil leaves them to the engine.
func (s *Service) plan(ctx context.Context, session Session, stmt *statement, casts map[string]string) (*plan, error) {
	p, in, err := s.planOnce(ctx, session, stmt, newHints(), casts)
	if err != nil || in.hints.empty() {
		return p, err
	}
	p, _, err = s.planOnce(ctx, session, stmt, in.hints, casts)
	return p, err
}

func (s *Service) planOnce(
	ctx context.Context, session Session, stmt *statement, known *hints, casts map[string]string,
) (*plan, *inference, error) {
	text, r, err := rewrite(stmt, known, casts, s.ours)
	if err != nil {
		return nil, nil, err
	}
	p := &plan{stmt: stmt, text: text, typed: r.typed}
	data, err := session.Parse(ctx, text.text)
	if err != nil {
		return nil, nil, err
	}
	if p.tree, err = parseTree(data); err != nil {
		return nil, nil, p.located(err)
	}
	defined, err := s.defined.all(ctx)
	if err != nil {
		return nil, nil, err
	}
	if trial, ok := ctx.Value(trialKey{}).(map[string]*definedView); ok {
		defined = trial
	}
	views := s.lake.Views()
	v := validator{
		functions: s.functions, tableFunctions: s.tableFunctions, called: map[string]bool{},
		known: func(table string) bool {
			_, ours := informationSchema[lower(table)]
			_, instance := r.instances[lower(table)]
			view, _ := definedTable(defined, lower(table))
			return ours || instance || view != nil || r.calls[lower(table)] != nil || slices.Contains(views, lower(table)) ||
				s.static.Schema(table) != nil
		},
		hint: s.tableHint,
	}
	if err := v.query(p.tree, nil); err != nil {
		return nil, nil, p.located(err)
	}
	if err := s.authorizeCalls(ctx, v.called); err != nil {
		return nil, nil, err
	}
	for _, f := range s.scalars {
		if v.called[f.Name] {
			p.scalars = append(p.scalars, f)
		}
	}
	for _, name := range v.used {
		if view, _ := definedTable(defined, name); view != nil {
			err = s.resolveDefined(ctx, session, p, name, defined, nil)
		} else {
			err = s.resolve(p, name, r)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	in := p.infer()
	return p, in, nil
}

// resolve adds the relation that the statement knows as name.
func (s *Service) resolve(p *plan, name string, r *rewriter) error {
	if make, ok := informationSchema[name]; ok {
		p.ours = append(p.ours, make(s, p.stmt.catalogue, name))
		return nil
	}
	if c := r.calls[name]; c != nil {
		return p.planCall(name, c)
	}
	scan := planScan{name: name, view: name}
	at := -1
	if v, ok := r.instances[name]; ok {
		scan.view, scan.instance, at = v.set, v.id, v.pos
	} else if !slices.Contains(s.lake.Views(), name) {
		if schema := s.static.Schema(name); schema != nil {
			p.calls = append(p.calls, s.staticCall(name, schema))
			return nil
		}
	}
	return s.resolveScan(p, scan, at)
}

// resolveScan adds a relation of the lake, unless the plan has it already. at is where the statement names it.
func (s *Service) resolveScan(p *plan, scan planScan, at int) error {
	if slices.ContainsFunc(p.scans, func(other planScan) bool { return other.name == scan.name }) {
		return nil
	}
	var err error
	if scan.schema, err = s.lake.Schema(scan.view, scan.instance); err != nil {
		f := fault.Of(err)
		if f == nil {
			f = fault.Wrap(fault.Invalid, fmt.Sprintf("view set '%s' not found", scan.view), err)
		}
		return &SQLError{Fault: f, Pos: at}
	}
	p.scans = append(p.scans, scan)
	return nil
}

// tableHint says what to do about an unknown table.
func (s *Service) tableHint(table string) string {
	if s.static.Schema(table) != nil { // known to statements, so that this is the definition of a view
		return "views cannot read static tables, which other servers of the lake need not have"
	}
	if plainName(table) && !slices.Contains(s.lake.Views(), lower(table)) {
		if _, err := s.lake.Schema(lower(table), "00000000-0000-0000-0000-000000000000"); err == nil {
			return fmt.Sprintf("read one instance with view_instance('%s', '<id>')", lower(table))
		}
	}
	return "SHOW TABLES lists the tables"
}

// ordered reports whether the order of reading can matter to the answer. Sorting millions of spans only to count them, or
// to sort them again, would be a pity.
func (p *plan) ordered() bool {
	if p.tree.text("type") != "SELECT_NODE" || p.tree.child("from_table").text("type") != "BASE_TABLE" {
		return true
	}
	for _, m := range p.tree.list("modifiers") {
		if asNode(m).text("type") == "ORDER_MODIFIER" {
			return false
		}
	}
	aggregates := 0
	for _, e := range p.tree.list("select_list") {
		switch e := asNode(e); {
		case unordered[e.text("function_name")] && e.text("class") == "FUNCTION":
			aggregates++
		case e.text("class") != "COLUMN_REF":
			return true
		}
	}
	return aggregates == 0 && len(p.tree.list("group_expressions")) == 0
}

// unordered are aggregates that do not care in which order their rows come.
var unordered = setOf("count", "count_star", "sum", "min", "max", "avg", "median", "stddev", "approx_quantile", "approx_count_distinct")

// explain is what stands in front of the rewritten query for each kind.
func (p *plan) explain() string {
	switch p.stmt.kind {
	case kindExplain:
		return "EXPLAIN (FORMAT json) "
	case kindAnalyze:
		return "EXPLAIN (ANALYZE, FORMAT json) "
	default:
	}
	return ""
}

// sql returns the text for the engine. A limit is added to a query that has none, so that the engine can profit from it;
// it is applied again to the rows.
func (p *plan) sql(limit *int64) string {
	sql := p.explain() + p.text.text
	if limit == nil || p.explain() != "" {
		return sql
	}
	for _, m := range p.tree.list("modifiers") {
		if kind := asNode(m).text("type"); kind != "ORDER_MODIFIER" && kind != "DISTINCT_MODIFIER" {
			return sql
		}
	}
	return sql + "\nLIMIT " + strconv.FormatInt(*limit, 10)
}

// located translates the position of an engine's complaint into the user's text.
func (p *plan) located(err error) error {
	var at *SQLError
	if !errors.As(err, &at) {
		return err
	}
	if at.Data {
		f := *at.Fault
		f.Msg = scrub(f.Msg, p.stmt.sql)
		at = &SQLError{Fault: &f, Pos: at.Pos, Data: true}
	}
	if at.Pos < 0 {
		return at
	}
	pos := at.Pos - len(p.explain())
	if pos < 0 || pos > len(p.text.text) {
		pos = -1
	} else {
		pos = min(p.text.original(pos), len(p.stmt.sql))
	}
	return &SQLError{Fault: at.Fault, Pos: pos, Data: at.Data}
}

func limitOf(limit *int64) int64 {
	if limit == nil {
		return -1
	}
	return max(*limit, 0)
}
