package lake

import (
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/micromegas-go/micromegas/telemetry"
)

// rowGroup is how many rows a row group holds at most. The engine reads row groups in parallel and skips them by their
// statistics, so they are neither whole files nor tiny.
const rowGroup = 256 << 10

// effort says how much work a file is worth.
type effort int

const (
	passing effort = iota // read a few times on this node, then thrown away
	lasting               // kept in the object store
)

// parquetFile is a Parquet file being written. Pages are version 1 with dictionary, delta or plain encoding: the engine's own
// version 2 encodings cost 1.8 times the bytes on metrics.
type parquetFile struct {
	path   string
	view   *view
	schema *arrow.Schema
	out    *os.File
	sum    *summed // what was written to out
	w      *pqarrow.FileWriter

	rows     int64
	min, max telemetry.Time
	counts   *logCounts // of its rows; nil when nobody wants to know
}

func createFile(path string, v *view, e effort) (*parquetFile, error) {
	return createFileOf(path, v, v.fileSchema(), e)
}

// createFileOf is createFile for rows that come as batches of another schema.
func createFileOf(path string, v *view, schema *arrow.Schema, e effort) (*parquetFile, error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create %s file: %w", v.name, err)
	}
	f := &parquetFile{path: path, view: v, schema: schema, out: out, sum: &summed{out: out}}
	f.w, err = pqarrow.NewFileWriter(f.schema, f.sum, // not out itself, which the writer would close
		v.properties(e), pqarrow.DefaultWriterProps())
	if err != nil {
		_ = out.Close()
		_ = os.Remove(path)
		return nil, fmt.Errorf("create %s file: %w", v.name, err)
	}
	if v == logEntries && e == lasting {
		f.counts = &logCounts{counts: map[countKey]int64{}}
	}
	return f, nil
}

func (v *view) properties(e effort) *parquet.WriterProperties {
	props := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST), // of the format: nanosecond timestamps
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithMaxRowGroupLength(rowGroup),
		parquet.WithDictionaryDefault(true),
		parquet.WithStats(true),
		parquet.WithCreatedBy("micromegas-go"),
		parquet.WithDictionaryPageSizeLimit(4 << 20),
	}
	if e == lasting {
		props = append(props, parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(3))
		for _, name := range v.bloom {
			props = append(props, parquet.WithBloomFilterEnabledFor(name, true), parquet.WithBloomFilterNDVFor(name, 4096))
		}
	} else {
		props = append(props, parquet.WithCompression(compress.Codecs.Snappy))
	}
	for _, name := range v.plain {
		props = append(props, parquet.WithDictionaryFor(name, false))
		field, _ := v.schema.FieldsByName(name)
		switch field[0].Type.ID() {
		case arrow.TIMESTAMP, arrow.INT64:
			props = append(props, parquet.WithEncodingFor(name, parquet.Encodings.DeltaBinaryPacked))
		default:
		}
	}
	return parquet.NewWriterProperties(props...)
}

// write adds the rows as row groups and forgets them.
func (f *parquetFile) write(r *rows) error {
	if r.len() == 0 {
		return nil
	}
	lo, hi := r.span()
	if f.rows == 0 || lo < f.min {
		f.min = lo
	}
	if f.rows == 0 || hi > f.max {
		f.max = hi
	}
	f.rows += int64(r.len())
	if f.counts != nil {
		f.counts.add(r)
	}
	batch := r.batch(f.schema)
	defer batch.Release()
	if err := f.w.Write(batch); err != nil {
		return fmt.Errorf("write %s file: %w", f.view.name, err)
	}
	r.reset()
	return nil
}

// close finishes the file and returns its size in bytes. It does not sync: files of the cache need not survive, and the
// object store syncs what it takes.
func (f *parquetFile) close() (int64, error) {
	if err := f.w.Close(); err != nil {
		f.abandon()
		return 0, fmt.Errorf("finish %s file: %w", f.view.name, err)
	}
	info, err := f.out.Stat()
	if err != nil {
		f.abandon()
		return 0, fmt.Errorf("finish %s file: %w", f.view.name, err)
	}
	if err := f.out.Close(); err != nil {
		_ = os.Remove(f.path)
		return 0, fmt.Errorf("finish %s file: %w", f.view.name, err)
	}
	return info.Size(), nil
}

// abandon removes a file that will not be finished.
func (f *parquetFile) abandon() {
	_ = f.out.Close()
	_ = os.Remove(f.path)
}
