package static

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// batchRows is how many rows are put together before they are written.
const batchRows = 16 << 10

// writer writes rows into a Parquet file as the engine reads them: version 1 pages, times in nanoseconds without a zone.
type writer struct {
	w    *pqarrow.FileWriter
	b    *array.RecordBuilder
	n    int // rows in b
	rows int64
}

// plain is a type as it is in Parquet files.
func plain(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.TimestampType:
		return &arrow.TimestampType{Unit: arrow.Nanosecond}
	case *arrow.ListType:
		return arrow.ListOfField(arrow.Field{Name: "item", Type: plain(t.Elem()), Nullable: true})
	case *arrow.StructType:
		return arrow.StructOf(plainFields(t.Fields())...)
	}
	return t
}

func plainFields(fields []arrow.Field) []arrow.Field {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		out[i] = arrow.Field{Name: f.Name, Type: plain(f.Type), Nullable: true}
	}
	return out
}

func newWriter(out io.Writer, schema *arrow.Schema) (*writer, error) {
	file := arrow.NewSchema(plainFields(schema.Fields()), nil)
	w, err := pqarrow.NewFileWriter(file, out, parquet.NewWriterProperties(
		parquet.WithVersion(parquet.V2_LATEST), // of the format: nanosecond timestamps
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithDictionaryDefault(true),
		parquet.WithStats(true),
		parquet.WithCompression(compress.Codecs.Snappy),
	), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, fmt.Errorf("write a static table: %w", err)
	}
	return &writer{w: w, b: array.NewRecordBuilder(memory.DefaultAllocator, file)}, nil
}

// ended counts a row that the builder has whole.
func (w *writer) ended() error {
	w.rows++
	if w.n++; w.n < batchRows {
		return nil
	}
	return w.flush()
}

func (w *writer) flush() error {
	batch := w.b.NewRecordBatch()
	defer batch.Release()
	w.n = 0
	if batch.NumRows() == 0 {
		return nil
	}
	if err := w.w.WriteBuffered(batch); err != nil {
		return fmt.Errorf("write a static table: %w", err)
	}
	return nil
}

// close ends the file, and out with it.
func (w *writer) close() error {
	err := w.flush()
	if e := w.w.Close(); err == nil && e != nil {
		err = fmt.Errorf("write a static table: %w", e)
	}
	w.b.Release()
	return err
}

// convert writes the rows of the checked file at path as Parquet to another path, and returns columns and number of rows.
func convert(path, name string, parquet string) (schema *arrow.Schema, rows int64, err error) {
	var s shape
	if err := reading(path, name, func(in records) error { return in.learn(&s) }); err != nil {
		return nil, 0, err
	}
	schema = s.schema()
	out, err := os.Create(parquet)
	if err != nil {
		return nil, 0, err
	}
	w, err := newWriter(out, schema)
	if err != nil {
		return nil, 0, errors.Join(err, out.Close())
	}
	err = reading(path, name, func(in records) error { return in.write(w, &s) })
	return schema, w.rows, errors.Join(err, w.close())
}

// records are the rows of a file.
type records interface {
	// learn adds what all rows hold to the shape.
	learn(s *shape) error
	// write writes all rows, whose shape is known.
	write(w *writer, s *shape) error
}

func reading(path, name string, do func(records) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if isJSON(name) {
		return lineOf(path, do(openJSON(name, in)))
	}
	f, err := openCSV(name, in)
	if err != nil {
		return err
	}
	return do(f)
}

func (f *csvFile) write(w *writer, _ *shape) error {
	return f.each(func(row []string) error {
		for i, cell := range row {
			appendCell(w.b.Field(i), cell)
		}
		return w.ended()
	})
}

// appendCell appends a field of a CSV file to a column whose type holds it.
func appendCell(b array.Builder, cell string) {
	if cell == "" {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(strings.EqualFold(cell, "true"))
	case *array.Date32Builder:
		days, _ := parseDate(cell)
		b.Append(arrow.Date32(days))
	case *array.TimestampBuilder:
		ns, _ := parseTime(cell)
		b.Append(arrow.Timestamp(ns))
	default:
		appendNumber(b, cell)
	}
}

// appendNumber appends a number, or a text, as it is written.
func appendNumber(b array.Builder, text string) {
	switch b := b.(type) {
	case *array.Int64Builder:
		n, _ := strconv.ParseInt(text, 10, 64)
		b.Append(n)
	case *array.Float64Builder:
		n, _ := strconv.ParseFloat(text, 64)
		b.Append(n)
	case *array.StringBuilder:
		b.Append(text)
	default:
		b.AppendNull()
	}
}

func (f *jsonFile) write(w *writer, s *shape) error {
	for {
		row, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		appendFields(row, s, w.b.Fields())
		if err := w.ended(); err != nil {
			return err
		}
	}
}

// appendFields appends the values of an object to the columns of its keys; keys that it lacks are NULL.
func appendFields(o *object, s *shape, columns []array.Builder) {
	for i, f := range s.fields {
		var value any
		for k, key := range o.keys {
			if key == f.name {
				value = o.values[k]
			}
		}
		appendValue(columns[i], &f.shape, value)
	}
}

// appendValue appends a value of JSON to a column whose type holds it.
func appendValue(b array.Builder, s *shape, v any) {
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(textOf(v))
	case *array.BooleanBuilder:
		b.Append(v == true)
	case *array.StructBuilder:
		b.Append(true)
		columns := make([]array.Builder, b.NumField())
		for i := range columns {
			columns[i] = b.FieldBuilder(i)
		}
		appendFields(v.(*object), s, columns)
	case *array.ListBuilder:
		b.Append(true)
		for _, e := range v.([]any) {
			appendValue(b.ValueBuilder(), s.element, e)
		}
	default:
		appendNumber(b, string(v.(json.Number)))
	}
}
