package lake

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
)

// olderForm returns v as a version before it: without some columns, and perhaps with one that is not there any more.
func olderForm(v *view, version int, without ...string) *view {
	old := *v
	old.version = version
	var fields []arrow.Field
	for _, f := range v.schema.Fields() {
		if !slices.Contains(without, f.Name) {
			fields = append(fields, f)
		}
	}
	old.schema = arrow.NewSchema(fields, nil)
	return &old
}

// agePartitions rewrites all live partitions of log_entries as a program with an older form of the view would have.
func agePartitions(t *testing.T, l *Lake, old *view) {
	t.Helper()
	var live []catalog.Partition
	err := l.catalog.Read(t.Context(), func(r *catalog.Reader) (err error) {
		live, err = r.Partitions(t.Context(), catalog.LogEntries, catalog.Filter{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	owner := uuid.New()
	for i := range live {
		p := live[i]
		local, err := l.partitionFile(t.Context(), &p)
		if err != nil {
			t.Fatal(err)
		}
		out, err := createFile(l.cache.temp(), old, lasting)
		if err != nil {
			t.Fatal(err)
		}
		in, err := openParquet(local.path)
		if err != nil {
			t.Fatal(err)
		}
		// The columns that are left out are the last ones, so that numbers of fields stay the same.
		reader, from, err := old.readOld(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		rows := newRows(old)
		for reader.Next() {
			old.appendOld(rows, reader.RecordBatch(), from)
		}
		if err := errors.Join(reader.Err(), out.write(rows)); err != nil {
			t.Fatal(err)
		}
		reader.Release()
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		local.release()
		next := catalog.Partition{ID: uuid.New(), View: p.View, Schema: old.version, Level: p.Level, Created: p.Created}
		if err := l.store(t.Context(), out, &next); err != nil {
			t.Fatal(err)
		}
		if err := l.catalog.TakePartition(t.Context(), owner, p.ID, 0, true); err != nil {
			t.Fatal(err)
		}
		if err := l.catalog.ReplacePartitions(t.Context(), owner, []catalog.PartitionID{p.ID}, next); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpgrade has partitions of older schema versions: without the column audience, and of one that cannot be brought up to
// date. Queries read all of their rows in today's form, and maintenance rewrites them, whatever their level.
func TestUpgrade(t *testing.T) {
	unknown := olderForm(logEntries, -1, "process_properties", "audience")
	for name, tc := range map[string]struct {
		old     *view
		rebuilt bool // queries retire it at once
	}{
		"without a column":  {olderForm(logEntries, 0, "audience"), false},
		"too old":           {unknown, true},
		"lacking a column":  {olderForm(logEntries, 0, "process_properties", "audience"), true},
		"of a newer schema": {olderForm(logEntries, logEntries.version+1), false},
	} {
		for _, query := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, query first %v", name, query), func(t *testing.T) {
				u := openLogs(t, Options{})
				for range 2 {
					u.send(t, 20)
					if err := u.Settle(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				want := u.read(t)
				if len(want) != 40 {
					t.Fatalf("%d rows", len(want))
				}
				agePartitions(t, u.Lake, tc.old)
				if query {
					if got := u.read(t); !slices.Equal(got, want) {
						t.Errorf("got  %v\nwant %v", got, want)
					}
					if n := len(u.live(t)); (n == 0) != tc.rebuilt {
						t.Errorf("%d partitions", n)
					}
				}
				for range 2 { // the second time for what was retired
					if err := u.Settle(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got := u.read(t); !slices.Equal(got, want) {
					t.Errorf("after maintenance, got  %v\nwant %v", got, want)
				}
				for _, p := range u.live(t) {
					if p.Schema < logEntries.version || p.Level != 0 {
						t.Errorf("partition %+v", p)
					}
				}
				if err := u.catalog.CheckCoverage(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func (u *logLake) live(t *testing.T) (list []catalog.Partition) {
	t.Helper()
	err := u.catalog.Read(t.Context(), func(r *catalog.Reader) (err error) {
		list, err = r.Partitions(t.Context(), catalog.LogEntries, catalog.Filter{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// read returns all rows as text, sorted, with every column of the view.
func (u *logLake) read(t *testing.T) []string {
	t.Helper()
	s, err := u.Snapshot(t.Context(), []Scan{{View: "log_entries"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var rows []string
	for _, path := range s.Tables[0].Files {
		in, err := openParquet(path)
		if err != nil {
			t.Fatal(err)
		}
		reader, from, err := logEntries.readOld(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for reader.Next() {
			batch := reader.RecordBatch()
			for row := range int(batch.NumRows()) {
				var text string
				for i, f := range logEntries.schema.Fields() {
					if from[i] < 0 {
						t.Fatalf("%s has no column %s", path, f.Name)
					}
					text += f.Name + "=" + batch.Column(from[i]).ValueStr(row) + " "
				}
				rows = append(rows, text)
			}
		}
		err = reader.Err()
		reader.Release()
		if err := errors.Join(err, in.Close()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(rows)
	return rows
}
