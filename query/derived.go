package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// derived is a relation of a plan that is a query over its other relations.
type derived struct {
	name   string
	sql    string // in the engine's dialect
	traits []trait
	times  [2]string // columns of the begin and the end of a row, which the range of the request bounds
}

// The ends of all time, for {begin} and {end}.
const (
	firstTime = "1678-01-01T00:00:00Z"
	lastTime  = "2261-12-31T00:00:00Z"
)

// resolveDefined adds the relations that make up a defined view to the plan. open are the views around it.
func (s *Service) resolveDefined(ctx context.Context, session Session, p *plan, table string, views map[string]*definedView, open []string) error {
	if slices.ContainsFunc(p.derived, func(d derived) bool { return d.name == table }) {
		return nil
	}
	v, partitions := definedTable(views, table)
	if slices.Contains(open, table) {
		return fault.New(fault.Invalid, fmt.Sprintf("view '%s' is defined by itself", v.Name))
	}
	text, source := v.ddl.view.extract, ""
	if !partitions {
		source = partitionsName(v.Name)
		text = v.ddl.view.merge
	}
	text = strings.NewReplacer("{begin}", firstTime, "{end}", lastTime, "{source}", source).Replace(text)
	sub, err := s.planDefined(ctx, session, p, text, views, append(open, table))
	if err != nil {
		f := *fault.Of(located(text, err))
		f.Msg = fmt.Sprintf("view '%s': %s", v.Name, strings.TrimPrefix(f.Msg, stageBuilding))
		return &f
	}
	sub.name = table
	sub.times = [2]string{v.ddl.view.minTime, v.ddl.view.maxTime}
	p.derived = append(p.derived, *sub)
	return nil
}

// planDefined checks a query of a definition and adds what it reads to the plan.
func (s *Service) planDefined(
	ctx context.Context, session Session, p *plan, text string, views map[string]*definedView, open []string,
) (*derived, error) {
	stmt, err := scan(text)
	if err != nil {
		return nil, err
	}
	if stmt.kind != kindQuery || stmt.admin != nil {
		return nil, fault.New(fault.Invalid, "the definition of a view must be made of queries")
	}
	// As every statement, it goes round again when the types of its columns say something about its text.
	known := newHints()
	var inner *plan
	for range 2 {
		if inner, err = s.readDefined(ctx, session, p, stmt, known, views, open); err != nil {
			return nil, err
		}
		in := inner.infer()
		if in.hints.empty() {
			break
		}
		known = in.hints
	}
	// The tables of the lake get another name, so that a range of the request, which is for the rows of the view, does not
	// leave out rows that the view is made from. Then the new text is what is checked.
	renamed := renameTables(inner.text.text, inner.tables, func(table string) bool {
		return slices.ContainsFunc(inner.scans, func(scan planScan) bool { return scan.name == table })
	})
	check := &plan{stmt: stmt, text: rewritten{text: renamed}}
	if _, err := s.checkDefined(ctx, session, check, views, wholeSuffix); err != nil {
		return nil, unplaced(err)
	}
	return &derived{sql: renamed, traits: inner.traits}, nil
}

// unplaced takes the position away from an error: it is one of a text that nobody has written.
func unplaced(err error) error {
	if at, ok := errors.AsType[*SQLError](err); ok {
		return &SQLError{Fault: at.Fault, Pos: -1}
	}
	return err
}

// readDefined rewrites and checks a query of a definition. It knows the tables of the lake under their own names.
func (s *Service) readDefined(
	ctx context.Context, session Session, p *plan, stmt *statement, known *hints, views map[string]*definedView, open []string,
) (*plan, error) {
	text, r, err := rewrite(stmt, known, nil, nil)
	if err != nil {
		return nil, err
	}
	inner := &plan{stmt: stmt, text: text, typed: r.typed, hints: known}
	if len(r.instances) > 0 {
		return nil, fault.New(fault.Invalid, "view_instance cannot be read by a view")
	}
	used, err := s.checkDefined(ctx, session, inner, views, "")
	if err != nil {
		return nil, inner.located(err)
	}
	for _, name := range used {
		if defined, _ := definedTable(views, name); defined != nil {
			if err := s.resolveDefined(ctx, session, p, name, views, open); err != nil {
				return nil, err
			}
			continue
		}
		if err := s.resolveScan(p, planScan{name: name + wholeSuffix, view: name, whole: true}, -1); err != nil {
			return nil, err
		}
		if err := s.resolveScan(inner, planScan{name: name, view: name}, -1); err != nil {
			return nil, err
		}
	}
	inner.derived = p.derived
	return inner, nil
}

// checkDefined has the text of the plan parsed and checks the tree. Tables of the lake have the suffix behind their names.
func (s *Service) checkDefined(ctx context.Context, session Session, p *plan, views map[string]*definedView, suffix string) (used []string, err error) {
	v, err := s.check(ctx, session, p, func(table string) bool {
		defined, _ := definedTable(views, table)
		name, ok := strings.CutSuffix(table, suffix)
		return defined != nil || ok && slices.Contains(s.lake.Views(), name)
	})
	if err != nil {
		return nil, err
	}
	p.tables = v.tables
	for _, name := range volatileFunctions {
		if v.called[name] {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("the function %s depends on when it is called", name))
		}
	}
	for _, f := range s.scalars {
		if v.called[f.Name] {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("the function %s cannot be called by a view", f.Name))
		}
	}
	return v.used, nil
}

// wholeSuffix marks relations that the definitions of views read. No name that is written without quotes ends in it.
const wholeSuffix = " whole"

// renameTables gives those of the tables in text that want it another name. They keep theirs as an alias.
func renameTables(text string, tables []node, wants func(table string) bool) string {
	type place struct {
		pos  int
		name string
		as   bool
	}
	var places []place
	for _, n := range tables {
		if name := n.text("table_name"); wants(lower(name)) {
			places = append(places, place{n.pos(), name, n.text("alias") == ""})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return b.pos - a.pos }) // from the end, so that positions stay true
	for _, p := range places {
		if p.pos < 0 || p.pos >= len(text) {
			continue // it stays what it is called, and is refused by the check of the new text
		}
		end := p.pos + len(p.name)
		if text[p.pos] == '"' {
			end += 2
		}
		if end > len(text) || lower(strings.Trim(text[p.pos:end], `"`)) != lower(p.name) {
			continue
		}
		name := quoteName(lower(p.name) + wholeSuffix)
		if p.as {
			name += " AS " + quoteName(lower(p.name))
		}
		text = text[:p.pos] + name + text[end:]
	}
	return text
}

// volatileFunctions give another value with every call or at every time.
var volatileFunctions = []string{
	"now", "current_timestamp", "current_date", "current_time", "get_current_timestamp", "get_current_time", "today", "localtimestamp",
	"localtime", "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "transaction_timestamp",
}

// relation is the derived relation as the engine gets it.
func (d *derived) relation(during telemetry.Range) Relation {
	conditions := lake.Within(during, d.times[0], d.times[1])
	return Relation{Name: d.name, Definition: d.sql, Filter: strings.Join(conditions, " AND ")}
}
