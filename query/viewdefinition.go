package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Definitions keeps the views that administrators define in SQL; the catalog does.
//
// Such a view is computed when it is read: its merge query over its extract query over all time. So it is always up to
// date, and the options that plan materialisation (count query, deltas, sort order) are checked and kept, and change
// nothing in the answer.
type Definitions interface {
	// PutDefinition records a definition; without replace, one of that name makes it catalog.ErrExists.
	PutDefinition(ctx context.Context, d catalog.Definition, replace bool) (replaced bool, err error)
	// DeleteDefinition removes one, or is catalog.ErrNotFound.
	DeleteDefinition(ctx context.Context, name string) error
	// Definitions returns all by name.
	Definitions(ctx context.Context) ([]catalog.Definition, error)
}

// definitionsFresh is for how long definitions are believed that other processes may have changed.
const definitionsFresh = time.Second

// definitions remembers what the catalog said last.
type definitions struct {
	store Definitions // nil: there are none

	mu     sync.Mutex
	read   time.Time
	views  map[string]*definedView
	schema map[string]definedSchema
}

// definedSchema is what was found out about a view's columns, for the version of its definition.
type definedSchema struct {
	updated telemetry.Time
	schema  *arrow.Schema
}

// definedView is a definition that was read.
type definedView struct {
	catalog.Definition
	ddl *viewDDL
}

// parsedDefinition reads the statement of a definition.
func parsedDefinition(d catalog.Definition) (*definedView, error) {
	stmt, err := scan(d.SQL)
	if err != nil {
		return nil, err
	}
	if stmt.ddl == nil || stmt.ddl.drop {
		return nil, fault.New(fault.Internal, "the definition of view "+d.Name+" is not one")
	}
	return &definedView{d, stmt.ddl}, nil
}

// all returns the definitions by name.
func (d *definitions) all(ctx context.Context) (map[string]*definedView, error) {
	if d.store == nil {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.views != nil && time.Since(d.read) < definitionsFresh {
		return d.views, nil
	}
	list, err := d.store.Definitions(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "the catalog cannot be read now", err)
	}
	views := make(map[string]*definedView, len(list))
	for _, one := range list {
		v, err := parsedDefinition(one)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, "the definition of view "+one.Name+" cannot be read", err)
		}
		views[one.Name] = v
	}
	d.views, d.read = views, time.Now()
	return views, nil
}

func (d *definitions) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.views = nil
}

// derived is a relation of a plan that is a query over its other relations.
type derived struct {
	name   string
	sql    string // in the engine's dialect
	traits []trait
	times  [2]string // columns that the range of the request bounds; "" for none
}

// partitionsName is the name of the rows of a view before they are merged.
func partitionsName(view string) string { return "__" + view + "__partitions" }

// The ends of all time, for {begin} and {end}.
const (
	firstTime = "1678-01-01T00:00:00Z"
	lastTime  = "2261-12-31T00:00:00Z"
)

// definedTable finds the view that a table name stands for.
func definedTable(views map[string]*definedView, table string) (v *definedView, partitions bool) {
	if v = views[table]; v != nil {
		return v, false
	}
	if name, ok := strings.CutPrefix(table, "__"); ok {
		if name, ok = strings.CutSuffix(name, "__partitions"); ok {
			return views[name], true
		}
	}
	return nil, false
}

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
		f.Msg = fmt.Sprintf("view '%s': %s", v.Name, f.Msg)
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

// trialKey is where a context carries the definitions of a view that is not recorded yet.
type trialKey struct{}

// describeWith returns the columns of a statement where there are other definitions than those of the catalog.
func (s *Service) describeWith(ctx context.Context, sql string, views map[string]*definedView) (*arrow.Schema, error) {
	return s.Describe(context.WithValue(ctx, trialKey{}, views), sql)
}

// definedTables returns the defined views by name with their columns. One that cannot be read any more is left out.
func (s *Service) definedTables(ctx context.Context) ([]TableInfo, error) {
	views, err := s.defined.all(ctx)
	if err != nil {
		return nil, err
	}
	var tables []TableInfo
	for _, name := range slices.Sorted(maps.Keys(views)) {
		s.defined.mu.Lock()
		known, ok := s.defined.schema[name]
		s.defined.mu.Unlock()
		if !ok || known.updated != views[name].Updated {
			schema, err := s.Describe(ctx, "SELECT * FROM "+quoteName(name))
			if err != nil {
				s.log.WarnContext(ctx, "a view that is defined in SQL cannot be read", "view", name, "err", err)
				continue
			}
			known = definedSchema{views[name].Updated, schema}
			s.defined.mu.Lock()
			s.defined.schema[name] = known
			s.defined.mu.Unlock()
		}
		tables = append(tables, TableInfo{Name: name, Schema: known.schema})
	}
	return tables, nil
}

// DefinedViews is the table function list_view_set_definitions.
func DefinedViews(store Definitions) TableFunction {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "view_set_name", Type: arrow.BinaryTypes.String},
		{Name: "definition_sql", Type: arrow.BinaryTypes.String},
		{Name: "update_group", Type: arrow.PrimitiveTypes.Int32},
		{Name: "updated_at", Type: timeType},
		{Name: "updated_by", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	run := func(ctx context.Context, _ telemetry.Range) (*Rows, error) {
		list, err := store.Definitions(ctx)
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, "the catalog cannot be read now", err)
		}
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		for _, d := range list {
			b.Field(0).(*array.StringBuilder).Append(d.Name)
			b.Field(1).(*array.StringBuilder).Append(d.SQL)
			b.Field(2).(*array.Int32Builder).Append(d.UpdateGroup)
			b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(d.Updated))
			if d.UpdatedBy == "" {
				b.Field(4).AppendNull()
			} else {
				b.Field(4).(*array.StringBuilder).Append(d.UpdatedBy)
			}
		}
		batch := b.NewRecordBatch()
		defer batch.Release()
		reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
		return &Rows{Reader: reader}, err
	}
	return TableFunction{Name: "list_view_set_definitions", Admin: true, Plan: func(args []Argument) (Call, error) {
		if len(args) > 0 {
			return Call{}, fault.New(fault.Invalid, "list_view_set_definitions takes no arguments")
		}
		return Call{Schema: schema, Run: run}, nil
	}}
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

// defineView runs a CREATE or DROP MATERIALIZED VIEW.
func (s *Service) defineView(ctx context.Context, stmt *statement) (Result, error) {
	if s.defined.store == nil {
		return nil, fault.New(fault.Unimplemented, "this server keeps no views that are defined in SQL")
	}
	views, err := s.defined.all(ctx)
	if err != nil {
		return nil, err
	}
	var status string
	if stmt.ddl.drop {
		status, err = s.dropView(ctx, stmt.ddl, views)
	} else {
		status, err = s.createView(ctx, stmt, views)
	}
	s.defined.forget()
	if err != nil {
		return nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, viewDDLSchema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append(stmt.ddl.name)
	b.Field(1).(*array.StringBuilder).Append(status)
	batch := b.NewRecordBatch()
	defer batch.Release()
	return array.NewRecordReader(viewDDLSchema, []arrow.RecordBatch{batch})
}

// viewDDLSchema is the answer to defining and dropping a view.
var viewDDLSchema = arrow.NewSchema([]arrow.Field{
	{Name: "view_set_name", Type: arrow.BinaryTypes.String},
	{Name: "status", Type: arrow.BinaryTypes.String},
}, nil)

func (s *Service) dropView(ctx context.Context, d *viewDDL, views map[string]*definedView) (string, error) {
	for _, other := range views {
		if other.Name != d.name && other.reads(d.name) {
			return "", fault.New(fault.Invalid, fmt.Sprintf("view DDL refused: view '%s' reads '%s'", other.Name, d.name))
		}
	}
	switch err := s.defined.store.DeleteDefinition(ctx, d.name); {
	case errors.Is(err, catalog.ErrNotFound) && d.ifExists:
		return "not_found", nil
	case errors.Is(err, catalog.ErrNotFound):
		return "", fault.New(fault.NotFound, fmt.Sprintf("materialized view '%s' does not exist", d.name))
	case err != nil:
		return "", fault.Wrap(fault.Unavailable, "the catalog does not take the definition now", err)
	}
	return "dropped", nil
}

// reads reports whether a query of v names the view; a name in a text counts, which is on the safe side.
func (v *definedView) reads(name string) bool {
	for _, text := range []string{v.ddl.view.extract, v.ddl.view.merge, v.ddl.view.count} {
		stmt, err := scan(strings.NewReplacer("{begin}", firstTime, "{end}", lastTime, "{source}", "source").Replace(text))
		if err != nil {
			continue
		}
		for i := range stmt.tokens {
			if word, ok := stmt.name(i); ok && (word == name || word == partitionsName(name)) {
				return true
			}
		}
	}
	return false
}

func (s *Service) createView(ctx context.Context, stmt *statement, views map[string]*definedView) (string, error) {
	d := stmt.ddl
	if slices.Contains(s.lake.Views(), d.name) || informationSchema[d.name] != nil {
		return "", fault.New(fault.Invalid, fmt.Sprintf("view definition failed validation: '%s' is the name of a built-in view", d.name))
	}
	if views[d.name] != nil && !d.replace {
		return "", exists(d.name)
	}
	if err := s.checkView(ctx, d, views); err != nil {
		return "", err
	}
	by := ""
	if id, ok := auth.From(ctx); ok {
		by = id.Subject
	}
	replaced, err := s.defined.store.PutDefinition(ctx, catalog.Definition{Name: d.name, SQL: stmt.sql, UpdateGroup: d.view.group, UpdatedBy: by}, d.replace)
	switch {
	case errors.Is(err, catalog.ErrExists):
		return "", exists(d.name)
	case err != nil:
		return "", fault.Wrap(fault.Unavailable, "the catalog does not take the definition now", err)
	case replaced:
		return "replaced", nil
	}
	return "created", nil
}

func exists(name string) error {
	return &fault.Error{
		Kind: fault.Exists,
		Msg:  fmt.Sprintf("materialized view '%s' already exists; use CREATE OR REPLACE MATERIALIZED VIEW to change it", name),
	}
}

// checkView plans the queries of a definition and applies the rules for views.
func (s *Service) checkView(ctx context.Context, d *viewDDL, views map[string]*definedView) error {
	trial := make(map[string]*definedView, len(views)+1)
	maps.Copy(trial, views)
	trial[d.name] = &definedView{Definition: catalog.Definition{Name: d.name}, ddl: d}
	built := func(sql string) (*arrow.Schema, error) {
		schema, err := s.describeWith(ctx, sql, trial)
		if err != nil {
			f := *fault.Of(located(sql, err))
			f.Msg = "error building materialized view: " + f.Msg
			return nil, &f
		}
		return schema, nil
	}
	extract, err := built("SELECT * FROM " + quoteName(partitionsName(d.name)))
	if err != nil {
		return err
	}
	merged, err := built("SELECT * FROM " + quoteName(d.name))
	if err != nil {
		return err
	}
	count, err := built(strings.NewReplacer("{begin}", firstTime, "{end}", lastTime).Replace(d.view.count))
	if err != nil {
		return err
	}
	invalid := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "view definition failed validation: "+fmt.Sprintf(format, args...))
	}
	if n := count.NumFields(); n == 0 || count.Field(0).Type.ID() != arrow.INT64 {
		return invalid("count_src_query must return a column of Int64 counts")
	}
	if merged.NumFields() != extract.NumFields() {
		return invalid("merge_partitions_query returns %d columns, extract_query %d", merged.NumFields(), extract.NumFields())
	}
	secured := false
	for i, f := range extract.Fields() {
		m := merged.Field(i)
		if m.Name != f.Name || !arrow.TypeEqual(unpacked(m.Type), unpacked(f.Type)) {
			return invalid("column %d is %s %s in merge_partitions_query and %s %s in extract_query", i+1, m.Name, m.Type, f.Name, f.Type)
		}
		secured = secured || (f.Name == "process_id" || f.Name == "audience") && unpacked(f.Type).ID() == arrow.STRING
	}
	if !secured {
		return invalid("the result must have a text column audience or process_id")
	}
	for _, column := range []string{d.view.minTime, d.view.maxTime} {
		at := extract.FieldIndices(column)
		if len(at) != 1 || extract.Field(at[0]).Type.ID() != arrow.TIMESTAMP {
			return invalid("the time column '%s' is not a timestamp of the result", column)
		}
	}
	for name, v := range views {
		if (&definedView{ddl: d}).reads(name) && v.UpdateGroup >= d.view.group {
			return invalid("update_group %d must be larger than %d, that of '%s' which it reads", d.view.group, v.UpdateGroup, name)
		}
	}
	for name, group := range builtInGroups {
		if (&definedView{ddl: d}).reads(name) && group >= d.view.group {
			return invalid("update_group %d must be larger than %d, that of '%s' which it reads", d.view.group, group, name)
		}
	}
	return nil
}

// builtInGroups are the update groups that existing definitions reckon with.
var builtInGroups = map[string]int32{"blocks": 1000, "log_entries": 2000, "measures": 2000, "processes": 2000, "streams": 2000, "log_stats": 3000}
