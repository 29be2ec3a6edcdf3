package duck

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/query"
)

// relationSQL makes the view, or the empty table, that a statement finds under the relation's name. The view names every
// column, so that a file cannot add one; DuckDB pushes the statement's columns and conditions through it into the files.
func relationSQL(r query.Relation, create string) (string, error) {
	if r.Definition != "" {
		sql := fmt.Sprintf("%s VIEW %s AS SELECT * FROM (%s\n)", create, quoteName(r.Name), r.Definition)
		if r.Filter != "" {
			sql += " WHERE " + r.Filter
		}
		return sql, nil
	}
	columns := make([]string, r.Schema.NumFields())
	for c, f := range r.Schema.Fields() {
		columns[c] = quoteName(f.Name)
	}
	var source string
	switch {
	case r.Query != "":
		replace := make([]string, 0, 2*len(r.Sources))
		for i, files := range r.Sources {
			from, err := readParquet(files)
			if err != nil {
				return "", err
			}
			replace = append(replace, fmt.Sprintf("{%d}", i), from)
		}
		source = "(" + strings.NewReplacer(replace...).Replace(r.Query) + ")"
	case len(r.Files) > 0:
		var err error
		if source, err = readParquet(r.Files); err != nil {
			return "", err
		}
	case len(r.Batches) > 0:
		source = quoteName(loadedName(r.Name))
	default:
		for c, f := range r.Schema.Fields() {
			t, err := typeName(f.Type)
			if err != nil {
				return "", fmt.Errorf("column %s: %w", f.Name, err)
			}
			columns[c] += " " + t
		}
		return fmt.Sprintf("%s TABLE %s (%s)", create, quoteName(r.Name), strings.Join(columns, ", ")), nil
	}
	sql := fmt.Sprintf("%s VIEW %s AS SELECT %s FROM %s", create, quoteName(r.Name), strings.Join(columns, ", "), source)
	if r.Filter != "" {
		sql += " WHERE " + r.Filter
	}
	if r.OrderBy != "" {
		sql += " ORDER BY " + r.OrderBy
	}
	return sql, nil
}

func readParquet(files []string) (string, error) {
	paths, err := pathList(files)
	if err != nil {
		return "", err
	}
	return "read_parquet(" + paths + ", hive_partitioning = false, filename = false, binary_as_string = false)", nil
}

// pathList writes paths as a list. DuckDB would expand patterns in them and knows no escape for that.
func pathList(paths []string) (string, error) {
	quoted := make([]string, len(paths))
	for i, p := range paths {
		if strings.ContainsAny(p, "*?[") {
			return "", fmt.Errorf("path %s contains one of * ? [", p)
		}
		quoted[i] = quoteText(p)
	}
	return "[" + strings.Join(quoted, ", ") + "]", nil
}

func loadedName(relation string) string { return "loaded " + relation }

// load copies the batches into a table. The table is made by SELECT * from the stream and nothing else: DuckDB reads a
// stream of Arrow batches wrongly when columns or conditions are pushed into it, and can read it once only.
func (i *instance) load(ctx context.Context, r query.Relation) error {
	reader, err := array.NewRecordReader(r.Batches[0].Schema(), r.Batches)
	if err != nil {
		return err
	}
	defer reader.Release()
	const stream = "arrow stream"
	release, err := i.view(reader, stream)
	if err != nil {
		return err
	}
	defer release()
	if err := i.exec(ctx, fmt.Sprintf("CREATE TABLE %s AS SELECT * FROM %s", quoteName(loadedName(r.Name)), quoteName(stream))); err != nil {
		return internal(ctx, err, "a table could not be read into memory")
	}
	return i.exec(ctx, "DROP VIEW "+quoteName(stream))
}

// view registers a reader. The view must be dropped and release called before the reader is released.
func (i *instance) view(reader array.RecordReader, name string) (release func(), err error) {
	stream := callocC(unsafe.Sizeof(cdata.CArrowArrayStream{}))
	cdata.ExportRecordReader(reader, (*cdata.CArrowArrayStream)(stream))
	release = func() {
		cdata.ReleaseCArrowArrayStream((*cdata.CArrowArrayStream)(stream))
		freeC(stream)
	}
	if bindings.ArrowScan(i.conn, name, bindings.ArrowStream{Ptr: stream}) == bindings.StateError {
		release()
		return nil, engineError("arrow scan")
	}
	return release, nil
}

// typeName returns DuckDB's name of the plain type behind t.
func typeName(t arrow.DataType) (string, error) {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return typeName(t.ValueType)
	case *arrow.TimestampType:
		return "TIMESTAMP_NS", nil
	case *arrow.DurationType:
		return "BIGINT", nil
	case *arrow.ListType:
		inner, err := typeName(t.Elem())
		return inner + "[]", err
	case *arrow.StructType:
		var fields []string
		for _, f := range t.Fields() {
			inner, err := typeName(f.Type)
			if err != nil {
				return "", err
			}
			fields = append(fields, quoteName(f.Name)+" "+inner)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")", nil
	}
	if name, ok := typeNames[t.ID()]; ok {
		return name, nil
	}
	return "", fmt.Errorf("the engine has no type for %s", t)
}

var typeNames = map[arrow.Type]string{
	arrow.BOOL: "BOOLEAN", arrow.INT8: "TINYINT", arrow.INT16: "SMALLINT", arrow.INT32: "INTEGER", arrow.INT64: "BIGINT",
	arrow.UINT8: "UTINYINT", arrow.UINT16: "USMALLINT", arrow.UINT32: "UINTEGER", arrow.UINT64: "UBIGINT",
	arrow.FLOAT32: "FLOAT", arrow.FLOAT64: "DOUBLE", arrow.STRING: "VARCHAR", arrow.LARGE_STRING: "VARCHAR",
	arrow.BINARY: "BLOB", arrow.LARGE_BINARY: "BLOB", arrow.FIXED_SIZE_BINARY: "BLOB", arrow.DATE32: "DATE",
}
