package query

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// schemaTable is a table that describes what there is: text columns unless they are counted, all without NULL unless
// they are optional.
type schemaTable struct {
	columns []arrow.Field
	rows    func(s *Service, tables []TableInfo) [][]any
}

func textField(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.BinaryTypes.String}
}

func optional(f arrow.Field) arrow.Field {
	f.Nullable = true
	return f
}

func countField(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Uint64}
}

// schemaTables are those of information_schema.
var schemaTables = map[string]schemaTable{
	"tables": {
		[]arrow.Field{textField("table_catalog"), textField("table_schema"), textField("table_name"), textField("table_type")},
		func(_ *Service, tables []TableInfo) [][]any { return anyRows(tableRows(tables)) },
	},
	"views": {
		[]arrow.Field{textField("table_catalog"), textField("table_schema"), textField("table_name"), optional(textField("definition"))},
		func(*Service, []TableInfo) [][]any { return nil },
	},
	"schemata": {
		[]arrow.Field{
			textField("catalog_name"), textField("schema_name"), optional(textField("schema_owner")),
			optional(textField("default_character_set_catalog")), optional(textField("default_character_set_schema")),
			optional(textField("default_character_set_name")), optional(textField("sql_path")),
		},
		func(*Service, []TableInfo) [][]any {
			return [][]any{
				{catalogName, schemaName, nil, nil, nil, nil, nil},
				{catalogName, "information_schema", nil, nil, nil, nil, nil},
			}
		},
	},
	"columns": {
		[]arrow.Field{
			textField("table_catalog"), textField("table_schema"), textField("table_name"), textField("column_name"),
			countField("ordinal_position"), optional(textField("column_default")), textField("is_nullable"), textField("data_type"),
			optional(countField("character_maximum_length")), optional(countField("character_octet_length")),
			optional(countField("numeric_precision")), optional(countField("numeric_precision_radix")),
			optional(countField("numeric_scale")), optional(countField("datetime_precision")), optional(textField("interval_type")),
		},
		func(_ *Service, tables []TableInfo) [][]any { return columnRows(tables) },
	},
	"df_settings": {
		[]arrow.Field{textField("name"), optional(textField("value")), optional(textField("description"))},
		func(*Service, []TableInfo) [][]any {
			return [][]any{
				{"datafusion.catalog.default_catalog", catalogName, "The catalog of tables without one"},
				{"datafusion.catalog.default_schema", schemaName, "The schema of tables without one"},
				{"datafusion.execution.time_zone", "+00:00", "The zone of times"},
			}
		},
	},
	"routines": {
		[]arrow.Field{
			textField("specific_catalog"), textField("specific_schema"), textField("specific_name"), textField("routine_catalog"),
			textField("routine_schema"), textField("routine_name"), textField("routine_type"),
			optional(arrow.Field{Name: "is_deterministic", Type: arrow.FixedWidthTypes.Boolean}), optional(textField("data_type")),
			optional(textField("function_type")), optional(textField("description")), optional(textField("syntax_example")),
		},
		func(s *Service, _ []TableInfo) [][]any { return s.routineRows() },
	},
	"parameters": {
		[]arrow.Field{
			textField("specific_catalog"), textField("specific_schema"), textField("specific_name"), countField("ordinal_position"),
			textField("parameter_mode"), optional(textField("parameter_name")), textField("data_type"),
			optional(textField("parameter_default")),
			{Name: "is_variadic", Type: arrow.FixedWidthTypes.Boolean},
			{Name: "rid", Type: arrow.PrimitiveTypes.Uint8},
		},
		func(*Service, []TableInfo) [][]any { return nil },
	},
}

// informationSchema makes the tables that describe the tables.
var informationSchema = func() map[string]func(s *Service, tables []TableInfo, name string) Relation {
	tables := map[string]func(s *Service, tables []TableInfo, name string) Relation{}
	for name, t := range schemaTables {
		tables["information_schema."+name] = func(s *Service, tables []TableInfo, name string) Relation {
			return t.relation(s, tables, name)
		}
	}
	return tables
}()

func (t schemaTable) relation(s *Service, tables []TableInfo, name string) Relation {
	schema := arrow.NewSchema(t.columns, nil)
	r := Relation{Name: name, Schema: schema}
	rows := t.rows(s, tables)
	if len(rows) == 0 {
		return r
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, row := range rows {
		for i, v := range row {
			switch c := b.Field(i).(type) {
			case *array.StringBuilder:
				if text, ok := v.(string); ok {
					c.Append(text)
				} else {
					c.AppendNull()
				}
			case *array.Uint64Builder:
				if n, ok := v.(uint64); ok {
					c.Append(n)
				} else {
					c.AppendNull()
				}
			default:
				c.AppendNull()
			}
		}
	}
	r.Batches = []arrow.RecordBatch{b.NewRecordBatch()}
	return r
}

func anyRows(rows [][]string) [][]any {
	out := make([][]any, len(rows))
	for i, row := range rows {
		for _, text := range row {
			out[i] = append(out[i], text)
		}
	}
	return out
}

func columnRows(tables []TableInfo) [][]any {
	var rows [][]any
	for _, t := range tables {
		for i, f := range t.Schema.Fields() {
			octets, precision, radix := sizes(f.Type)
			rows = append(rows, []any{
				catalogName, schemaName, t.Name, f.Name, uint64(i), nil, yesNo(f.Nullable), TypeText(f.Type), nil, octets, precision, radix,
				nil, nil, nil,
			})
		}
	}
	return rows
}

// sizes are what existing clients are told of a type: octets of texts and bytes, bits of numbers.
func sizes(t arrow.DataType) (octets, precision, radix any) {
	switch t.ID() {
	case arrow.STRING, arrow.BINARY:
		return uint64(1<<31 - 1), nil, nil
	case arrow.INT8, arrow.UINT8:
		return nil, uint64(8), uint64(2)
	case arrow.INT16, arrow.UINT16:
		return nil, uint64(16), uint64(2)
	case arrow.INT32, arrow.UINT32:
		return nil, uint64(32), uint64(2)
	case arrow.FLOAT32, arrow.FLOAT64:
		return nil, uint64(24), uint64(2)
	}
	return nil, nil, nil
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

func (s *Service) routineRows() [][]any {
	var rows [][]any
	for _, name := range sortedNames(s.functions) {
		if plainName(name) {
			rows = append(rows, []any{
				catalogName, schemaName, name, catalogName, schemaName, name, "FUNCTION", nil, nil, "SCALAR", nil, nil,
			})
		}
	}
	return rows
}

func sortedNames(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
