package lake_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/micromegas-go/micromegas/lake"
)

// TestFileSizes makes many partitions: none grows larger than the bound, those that are at least half as large are left alone,
// and of smaller ones few are left.
func TestFileSizes(t *testing.T) {
	const bound = 256 << 10
	d := openDamaged(t, lake.Maintenance{MergeFiles: 4, FileBytes: bound}, nil)
	for range 60 {
		d.send(t, 5)
		d.settle(t)
	}
	d.check(t)
	var final, small int
	for _, p := range d.partitions(t) {
		if p.Size > bound {
			t.Errorf("a partition of %d bytes", p.Size)
		}
		if p.Size >= bound/2 {
			final++
		} else {
			small++
		}
	}
	if final < 3 || small > 12 {
		t.Errorf("%d large and %d small partitions", final, small)
	}
}

// TestFileForm looks at a merged file as its readers do: sorted, row groups within their bound, version 1 pages compressed with
// zstd, statistics on what is pruned by, and bloom filters that know what is there and what is not.
func TestFileForm(t *testing.T) {
	d := openDamaged(t, lake.Maintenance{MergeFiles: 2}, nil)
	for range 2 {
		d.send(t, 40)
		d.settle(t)
	}
	live := d.partitions(t)
	if len(live) != 1 || live[0].Level != 1 {
		t.Fatalf("partitions are %+v", live)
	}
	path, err := d.objects.Path(live[0].File)
	if err != nil {
		t.Fatal(err)
	}
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var rows int64
	for g := range in.NumRowGroups() {
		group := in.MetaData().RowGroup(g)
		rows += group.NumRows()
		if group.NumRows() > 256<<10 {
			t.Errorf("row group %d has %d rows", g, group.NumRows())
		}
		for c := range group.NumColumns() {
			chunk, err := group.ColumnChunk(c)
			if err != nil {
				t.Fatal(err)
			}
			name := chunk.PathInSchema().String()
			if chunk.Compression() != compress.Codecs.Zstd {
				t.Errorf("%s is compressed with %s", name, chunk.Compression())
			}
			if set, err := chunk.StatsSet(); (!set || err != nil) && slices.Contains([]string{"process_id", "time", "level", "insert_time"}, name) {
				t.Errorf("%s has no statistics, %v", name, err)
			}
		}
		checkBloom(t, in, g, d.source.Process.ID.String())
	}
	if rows != live[0].Rows {
		t.Errorf("%d rows, want %d", rows, live[0].Rows)
	}
	if err := sortedByTime(t, path); err != nil {
		t.Error(err)
	}
}

func checkBloom(t *testing.T, in *file.Reader, g int, process string) {
	t.Helper()
	reader, err := in.GetBloomFilterReader().RowGroup(g)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := reader.GetColumnBloomFilter(in.MetaData().Schema.ColumnIndexByName("process_id"))
	if err != nil || filter == nil {
		t.Fatalf("no bloom filter on process_id: %v", err)
	}
	typed := metadata.TypedBloomFilter[parquet.ByteArray]{BloomFilter: filter}
	if !typed.Check([]byte(process)) {
		t.Error("the bloom filter does not know the process")
	}
	missed := 0
	for i := range 100 {
		if typed.Check([]byte(fmt.Sprintf("00000000-0000-0000-0000-%012d", i))) {
			missed++
		}
	}
	if missed > 5 {
		t.Errorf("the bloom filter takes %d of 100 strangers for a process of the file", missed)
	}
}

// sortedByTime reports rows of one process that are out of order.
func sortedByTime(t *testing.T, path string) error {
	t.Helper()
	last := row{}
	for i, r := range readFile(t, path) {
		if i > 0 && r["process_id"] == last["process_id"] && r["time"] < last["time"] {
			return fmt.Errorf("row %d is before the one before it", i)
		}
		if r["process_id"] < last["process_id"] {
			return errors.New("processes are not in order")
		}
		last = r
	}
	return nil
}
