package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/internal/fault"
)

var tableColumns = []string{"table_catalog", "table_schema", "table_name", "table_type"}

// Tables returns the tables that statements find by name, in alphabetical order.
func (s *Service) Tables(ctx context.Context) []TableInfo {
	tables, err := s.definedTables(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "views that are defined in SQL are not listed", "err", err)
	}
	for _, view := range slices.Sorted(slices.Values(s.lake.Views())) {
		if schema, err := s.lake.Schema(view, ""); err == nil {
			tables = append(tables, TableInfo{Name: view, Schema: schema})
		}
	}
	for _, t := range s.static.Tables() {
		if !slices.ContainsFunc(tables, func(other TableInfo) bool { return other.Name == lower(t.Name) }) { // a view that came later
			tables = append(tables, t)
		}
	}
	slices.SortFunc(tables, func(a, b TableInfo) int { return strings.Compare(a.Name, b.Name) })
	return tables
}

func tableRows(tables []TableInfo) [][]string {
	var rows [][]string
	for _, t := range tables {
		rows = append(rows, []string{catalogName, schemaName, t.Name, "BASE TABLE"})
	}
	for _, name := range []string{"tables", "views", "columns", "df_settings", "schemata", "routines", "parameters"} {
		rows = append(rows, []string{catalogName, "information_schema", name, "VIEW"})
	}
	return rows
}

func describeRows(schema *arrow.Schema) [][]string {
	var rows [][]string
	for _, f := range schema.Fields() {
		rows = append(rows, []string{f.Name, TypeText(f.Type), yesNo(f.Nullable)})
	}
	return rows
}

// answer answers the statements that need no engine; nil when the statement is another.
func (s *Service) answer(ctx context.Context, stmt *statement, limit *int64) (Result, error) {
	var columns []string
	var rows [][]string
	switch stmt.kind {
	case kindShowTables:
		columns, rows = tableColumns, tableRows(s.Tables(ctx))
	case kindDescribe, kindShowColumns:
		schema, err := s.schemaOf(ctx, stmt.table)
		if err != nil {
			return nil, err
		}
		columns, rows = []string{"column_name", "data_type", "is_nullable"}, describeRows(schema)
		if stmt.kind == kindShowColumns {
			columns = append([]string{"table_catalog", "table_schema", "table_name"}, columns...)
			for i := range rows {
				rows[i] = append([]string{catalogName, schemaName, stmt.table}, rows[i]...)
			}
		}
	default:
		return nil, nil
	}
	if limit != nil && *limit < int64(len(rows)) {
		rows = rows[:max(*limit, 0)]
	}
	schema, batch := textBatch(columns, rows)
	if batch == nil {
		return array.NewRecordReader(schema, nil)
	}
	defer batch.Release()
	return array.NewRecordReader(schema, []arrow.RecordBatch{batch})
}

func (s *Service) schemaOf(ctx context.Context, table string) (*arrow.Schema, error) {
	if make, ok := informationSchema[table]; ok {
		return make(s, nil, table).Schema, nil
	}
	if slices.Contains(s.lake.Views(), table) {
		return s.lake.Schema(table, "")
	}
	defined, err := s.definedTables(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range defined {
		if t.Name == table {
			return t.Schema, nil
		}
	}
	if schema := s.static.Schema(table); schema != nil {
		return schema, nil
	}
	return nil, &fault.Error{Kind: fault.Invalid, Msg: fmt.Sprintf("table '%s' not found", table), Fix: s.tableHint(table)}
}

// textBatch makes a batch of texts; nil when there are no rows.
func textBatch(columns []string, rows [][]string) (*arrow.Schema, arrow.RecordBatch) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c, Type: arrow.BinaryTypes.String}
	}
	schema := arrow.NewSchema(fields, nil)
	if len(rows) == 0 {
		return schema, nil
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, row := range rows {
		for i, text := range row {
			b.Field(i).(*array.StringBuilder).Append(text)
		}
	}
	return schema, b.NewRecordBatch()
}
