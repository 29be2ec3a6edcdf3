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

	typed map[int]arrow.DataType // see inference
	hints *hints                 // that the text was rewritten with

	numbered, constants []string // parameters: see rewriter
	open                bool     // one of the constants has no value
	traits              []trait  // of the columns of the answer; nil when not known
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
	p := &plan{
		stmt: stmt, text: text, typed: r.typed, hints: known, numbered: r.numbered, constants: r.constantNames, open: r.open,
	}
	views := s.views(ctx)
	v, err := s.check(ctx, session, p, func(table string) bool {
		_, instance := r.instances[table]
		return instance || r.calls[table] != nil || s.builtIn(table) || views.view(table) != nil || s.static.Schema(table) != nil
	})
	if views.err != nil {
		return nil, nil, views.err
	}
	if err != nil {
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
		known, err := s.resolve(p, name, r)
		if err == nil && !known {
			err = s.resolveElse(ctx, session, p, name, views)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	in := p.infer()
	return p, in, nil
}

// check has the text of the plan parsed and proves on the tree that the query reads no table but those that are known, by
// their names in lower case.
func (s *Service) check(ctx context.Context, session Session, p *plan, known func(table string) bool) (*validator, error) {
	data, err := session.Parse(ctx, p.text.text)
	if err != nil {
		return nil, err
	}
	if p.tree, err = parseTree(data); err != nil {
		return nil, err
	}
	v := &validator{
		functions: s.functions, tableFunctions: s.tableFunctions, called: map[string]bool{},
		known: func(table string) bool { return known(lower(table)) }, hint: s.tableHint, functionHint: s.functionHint,
	}
	return v, v.query(p.tree, nil)
}

// builtIn reports whether a table is there without a definition in SQL.
func (s *Service) builtIn(table string) bool {
	return informationSchema[table] != nil || slices.Contains(s.lake.Views(), table)
}

// resolve adds the relation that the statement knows as name, unless it must be a view that is defined in SQL, or a static table.
func (s *Service) resolve(p *plan, name string, r *rewriter) (known bool, err error) {
	if make, ok := informationSchema[name]; ok {
		p.ours = append(p.ours, make(s, p.stmt.catalogue, name))
		return true, nil
	}
	if c := r.calls[name]; c != nil {
		return true, p.planCall(name, c)
	}
	if v, ok := r.instances[name]; ok {
		return true, s.resolveScan(p, planScan{name: name, view: v.set, instance: v.id}, v.pos)
	}
	if s.builtIn(name) {
		return true, s.resolveScan(p, planScan{name: name, view: name}, -1)
	}
	return false, nil
}

// resolveElse adds the view that is defined in SQL, or else the static table.
func (s *Service) resolveElse(ctx context.Context, session Session, p *plan, name string, views *neededViews) error {
	if views.view(name) != nil {
		return s.resolveDefined(ctx, session, p, name, views.all, nil)
	}
	if schema := s.static.Schema(name); schema != nil {
		p.calls = append(p.calls, s.staticCall(name, schema))
		return nil
	}
	return s.resolveScan(p, planScan{name: name, view: name}, -1) // it has just gone
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
