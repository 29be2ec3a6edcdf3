package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// derived is a relation of a plan that is a query over its other relations.
type derived struct {
	name   string
	sql    string // in the engine's dialect
	traits []trait
	times  [2]string // columns that the range of the request bounds; "" for none
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
	inner := &plan{stmt: stmt}
	var r *rewriter
	if inner.text, r, err = rewrite(stmt, nil, nil, nil); err != nil {
		return nil, err
	}
	if len(r.instances) > 0 {
		return nil, fault.New(fault.Invalid, "view_instance cannot be read by a view")
	}
	lakeViews := s.lake.Views()
	// First the tree tells where tables are named. Those of the lake get another name, so that a range of the request, which
	// is for the rows of the view, does not leave out rows that the view is made from. Then the new text is what is checked.
	var v validator
	for _, whole := range []string{"", wholeSuffix} {
		data, err := session.Parse(ctx, inner.text.text)
		if err != nil {
			return nil, inner.located(err)
		}
		if inner.tree, err = parseTree(data); err != nil {
			return nil, inner.located(err)
		}
		v = validator{
			functions: s.functions, tableFunctions: s.tableFunctions, called: map[string]bool{},
			known: func(table string) bool {
				defined, _ := definedTable(views, lower(table))
				name, ok := strings.CutSuffix(lower(table), whole)
				return defined != nil || ok && slices.Contains(lakeViews, name)
			},
			hint: s.tableHint,
		}
		if err := v.query(inner.tree, nil); err != nil {
			return nil, inner.located(err)
		}
		if whole == "" {
			inner.text.text = renameTables(inner.text.text, inner.tree, func(table string) bool {
				return slices.Contains(v.used, table) && slices.Contains(lakeViews, table)
			})
		}
	}
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
	for _, name := range v.used {
		if defined, _ := definedTable(views, name); defined != nil {
			err = s.resolveDefined(ctx, session, p, name, views, open)
		} else {
			err = s.resolveScan(p, planScan{name: name, view: strings.TrimSuffix(name, wholeSuffix), whole: true}, -1)
		}
		if err != nil {
			return nil, err
		}
	}
	inner.scans, inner.derived = p.scans, p.derived
	inner.infer()
	return &derived{sql: inner.text.text, traits: inner.traits}, nil
}

// wholeSuffix marks relations that the definitions of views read. No name that is written without quotes ends in it.
const wholeSuffix = " whole"

// renameTables gives the tables in text that want it another name. They keep theirs as an alias.
func renameTables(text string, tree node, wants func(table string) bool) string {
	type place struct {
		pos  int
		name string
		as   bool
	}
	var places []place
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			n := node(v)
			if name := n.text("table_name"); n.text("type") == "BASE_TABLE" && wants(lower(name)) {
				places = append(places, place{n.pos(), name, n.text("alias") == ""})
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(map[string]any(tree))
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
	var conditions []string
	bound := func(column, operator string, at *telemetry.Time) {
		if at != nil && column != "" {
			conditions = append(conditions, fmt.Sprintf("%s %s TIMESTAMP_NS '%s'", quoteName(column), operator, at.Std().Format("2006-01-02 15:04:05.000000000")))
		}
	}
	bound(d.times[1], ">=", during.Begin)
	bound(d.times[0], "<=", during.End)
	return Relation{Name: d.name, Definition: d.sql, Filter: strings.Join(conditions, " AND ")}
}
