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
}

// planScan is a relation of the lake.
type planScan struct {
	name           string // in the rewritten statement
	view, instance string
	schema         *arrow.Schema
}

// plan rewrites the statement, has it parsed, and checks the tree.
func (s *Service) plan(ctx context.Context, session Session, stmt *statement) (*plan, error) {
	text, instances, err := rewrite(stmt)
	if err != nil {
		return nil, err
	}
	p := &plan{stmt: stmt, text: text}
	data, err := session.Parse(ctx, text.text)
	if err != nil {
		return nil, err
	}
	if p.tree, err = parseTree(data); err != nil {
		return nil, p.located(err)
	}
	views := s.lake.Views()
	v := validator{
		functions: s.functions, tableFunctions: s.tableFunctions,
		known: func(table string) bool {
			_, ours := informationSchema[lower(table)]
			_, instance := instances[lower(table)]
			return ours || instance || slices.Contains(views, lower(table))
		},
		hint: s.tableHint,
	}
	if err := v.query(p.tree, nil); err != nil {
		return nil, p.located(err)
	}
	for _, name := range v.used {
		if err := s.resolve(p, name, instances); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// resolve adds the relation that the statement knows as name.
func (s *Service) resolve(p *plan, name string, instances map[string]instance) error {
	if make, ok := informationSchema[name]; ok {
		p.ours = append(p.ours, make(s, name))
		return nil
	}
	scan := planScan{name: name, view: name}
	at := -1
	if v, ok := instances[name]; ok {
		scan.view, scan.instance, at = v.set, v.id, v.pos
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
	if plainName(table) && !slices.Contains(s.lake.Views(), lower(table)) {
		if _, err := s.lake.Schema(lower(table), "00000000-0000-0000-0000-000000000000"); err == nil {
			return fmt.Sprintf("read one instance with view_instance('%s', '<id>')", lower(table))
		}
	}
	return "SHOW TABLES lists the tables"
}

// explain is what stands in front of the rewritten query for each kind.
func (p *plan) explain() string {
	switch p.stmt.kind {
	case kindExplain:
		return "EXPLAIN (FORMAT json) "
	case kindAnalyze:
		return "EXPLAIN (ANALYZE, FORMAT json) "
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
	if !errors.As(err, &at) || at.Pos < 0 {
		return err
	}
	pos := at.Pos - len(p.explain())
	if pos < 0 || pos > len(p.text.text) {
		pos = -1
	} else {
		pos = min(p.text.original(pos), len(p.stmt.sql))
	}
	return &SQLError{Fault: at.Fault, Pos: pos}
}

func limitOf(limit *int64) int64 {
	if limit == nil {
		return -1
	}
	return max(*limit, 0)
}
