package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
)

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
	if s.static.Schema(d.name) != nil {
		return "", fault.New(fault.Invalid, fmt.Sprintf("view definition failed validation: '%s' is the name of a static table", d.name))
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
			f.Msg = "error building materialized view: " + strings.TrimPrefix(f.Msg, stageBuilding)
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
