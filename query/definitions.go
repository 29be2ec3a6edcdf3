package query

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

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
	log   *slog.Logger

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
		if err != nil { // a newer server may have written it; the others are no worse for it
			d.log.WarnContext(ctx, "the definition of a view cannot be read", "view", one.Name, "err", err)
			continue
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

// partitionsName is the name of the rows of a view before they are merged.
func partitionsName(view string) string { return "__" + view + "__partitions" }

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

// trialKey is where a context carries the definitions of a view that is not recorded yet.
type trialKey struct{}

// neededViews are the definitions as a statement sees them. The catalog is asked only for a table that is nothing else, so that
// all other statements neither wait for it nor fail with it.
type neededViews struct {
	read func() (map[string]*definedView, error)
	all  map[string]*definedView // once they were needed
	err  error                   // of reading them
}

func (s *Service) views(ctx context.Context) *neededViews {
	if trial, ok := ctx.Value(trialKey{}).(map[string]*definedView); ok {
		return &neededViews{all: trial}
	}
	return &neededViews{read: func() (map[string]*definedView, error) { return s.defined.all(ctx) }}
}

// view returns the view that a table name stands for; nil when there is none or an error.
func (n *neededViews) view(table string) *definedView {
	if n.read != nil {
		n.all, n.err = n.read()
		n.read = nil
	}
	v, _ := definedTable(n.all, table)
	return v
}

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
