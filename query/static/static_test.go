package static_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/static"
)

// fakeFolder holds files in memory. Their times tell them apart, if they are to be told apart.
type fakeFolder struct {
	files   map[string]string
	changed map[string]time.Time
	err     error
	opened  int
}

func (f *fakeFolder) Files(context.Context) ([]objstore.Info, error) {
	var infos []objstore.Info
	for name, text := range f.files {
		infos = append(infos, objstore.Info{Key: name, Size: int64(len(text)), Modified: f.changed[name]})
	}
	return infos, f.err
}

func (f *fakeFolder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f.opened++
	return io.NopCloser(strings.NewReader(f.files[name])), nil
}

func open(tb testing.TB, f *fakeFolder, o static.Options) (*static.Tables, error) {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(tb.TempDir(), "static")
	}
	tables, err := static.Open(tb.Context(), f, o)
	if err == nil {
		tb.Cleanup(func() {
			if err := tables.Close(); err != nil {
				tb.Error(err)
			}
		})
	}
	return tables, err
}

// content is a table as text: its columns, then its rows.
func content(tb testing.TB, tables *static.Tables, name string) (lines []string) {
	tb.Helper()
	schema, rows := tables.Open(name)
	if rows == nil {
		return nil
	}
	defer rows.Release()
	var columns []string
	for _, f := range schema.Fields() {
		columns = append(columns, f.Name+" "+query.TypeText(f.Type))
		if !f.Nullable {
			tb.Errorf("column %s is not nullable", f.Name)
		}
	}
	return append([]string{strings.Join(columns, ", ")}, parquetRows(tb, rows.Files[0])...)
}

func parquetRows(tb testing.TB, path string) (lines []string) {
	tb.Helper()
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		tb.Fatal(err)
	}
	defer in.Close()
	r, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		tb.Fatal(err)
	}
	table, err := r.ReadTable(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer table.Release()
	batches := array.NewTableReader(table, 0)
	defer batches.Release()
	for batches.Next() {
		b := batches.RecordBatch()
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, c.ValueStr(i))
			}
			lines = append(lines, strings.Join(row, " | "))
		}
	}
	return lines
}

func TestContent(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	for name, tc := range map[string]struct {
		file, text string
		want       []string
	}{
		"csv": {"t.csv", "name,cores,load,up\nbuild-1,16,0.5,true\nbuild-2,8,2,FALSE\n", []string{
			"name Utf8, cores Int64, load Float64, up Boolean", "build-1 | 16 | 0.5 | true", "build-2 | 8 | 2 | false",
		}},
		"csv times": {"t.csv", "d,t,z\n2026-01-31,2026-01-31T12:00:00,2026-01-31 12:00:00.000000001+02:00\n2026-02-01,1969-12-31 23:59:59.5,2026-01-31T10:00:00Z\n", []string{
			`d Date32, t Timestamp(ns, "+00:00"), z Timestamp(ns, "+00:00")`,
			"2026-01-31 | 2026-01-31T12:00:00 | 2026-01-31T10:00:00.000000001",
			"2026-02-01 | 1969-12-31T23:59:59.5 | 2026-01-31T10:00:00",
		}},
		"csv nothing is lost": {"t.csv", "zip,phone,id,mixed,wide,no,long\n01234,+49,18446744073709551615,1,9007199254740993,2026-02-30,3000-01-01T00:00:00Z\n2,3,4,x,0.5,2026-02-01,2026-01-01T00:00:00Z\n", []string{
			"zip Utf8, phone Utf8, id Utf8, mixed Utf8, wide Utf8, no Utf8, long Utf8",
			"01234 | +49 | 18446744073709551615 | 1 | 9007199254740993 | 2026-02-30 | 3000-01-01T00:00:00Z",
			"2 | 3 | 4 | x | 0.5 | 2026-02-01 | 2026-01-01T00:00:00Z",
		}},
		"csv late": {"t.csv", "a\n" + strings.Repeat("1\n", 20_000) + "x\n", append(append([]string{"a Utf8"}, slices.Repeat([]string{"1"}, 20_000)...), "x")},
		"csv numbers": {"t.csv", "i,f,g\n-9223372036854775808,1e3,-0\n0,.5,1.\n", []string{
			"i Int64, f Float64, g Float64", "-9223372036854775808 | 1000 | -0", "0 | 0.5 | 1",
		}},
		"csv empty":       {"t.csv", "a,b\n,\n1,\n", []string{"a Int64, b Utf8", "(null) | (null)", "1 | (null)"}},
		"csv header only": {"T.CSV", mark + "a,b", []string{"a Utf8, b Utf8"}},
		"csv quotes":      {"t.csv", mark + "\"a b\",c\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n", []string{"a b Utf8, c Utf8", "x, \"y\" | two\nlines"}},
		"json lines": {"t.json", "{\"a\": 1, \"b\": \"x\"}\n{\"b\": \"<y>\", \"c\": null}\n\n{\"a\": -2, \"c\": true}\n", []string{
			"a Int64, b Utf8, c Boolean", "1 | x | (null)", "(null) | <y> | (null)", "-2 | (null) | true",
		}},
		"json list":  {"t.json", mark + "[{\"a\": 1.5},\n {\"a\": 2}]", []string{"a Float64", "1.5", "2"}},
		"json both":  {"t.json", `[{"a": 1}] {"a": 2} [] [{"a": 3}]`, []string{"a Int64", "1", "2", "3"}},
		"json times": {"t.json", `{"t": "2026-01-31T12:00:00Z", "n": "1"}`, []string{"t Utf8, n Utf8", "2026-01-31T12:00:00Z | 1"}},
		"json nested": {"t.json", `{"o": {"k": 1}, "l": [1, 2.5], "lo": [{"x": "y"}]} {"o": {"m": [true]}, "l": []} {"lo": [null, {}]}`, []string{
			`o Struct("k": Int64, "m": List(Boolean)), l List(Float64), lo List(Struct("x": Utf8))`,
			`{"k":1,"m":null} | [1,2.5] | [{"x":"y"}]`, `{"k":null,"m":[true]} | [] | (null)`, `(null) | (null) | [null,{"x":null}]`,
		}},
		"json mixed": {"t.json", `{"a": 1, "b": "x", "c": {}, "d": [1, "2", {"k": [null]}]} {"a": "1", "b": {"k": "<é>", "n": 1e2}} {"a": false, "b": [1]}`, []string{
			"a Utf8, b Utf8, c Utf8, d List(Utf8)", `1 | x | {} | ["1","2","{\"k\":[null]}"]`, `1 | {"k":"<é>","n":1e2} | (null) | (null)`, `false | [1] | (null) | (null)`,
		}},
		"json large": {"t.json", `{"a": 18446744073709551615, "b": 1e999}`, []string{"a Utf8, b Utf8", "18446744073709551615 | 1e999"}},
	} {
		t.Run(name, func(t *testing.T) {
			tables, err := open(t, &fakeFolder{files: map[string]string{tc.file: tc.text}}, static.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, tables, "t"); !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got[:min(len(got), 9)], "\n"), strings.Join(tc.want[:min(len(tc.want), 9)], "\n"))
			}
		})
	}
}

// Every mistake is reported at once, with its file, its line and what to do.
func TestMistakes(t *testing.T) {
	keys := make([]string, 1001)
	for i := range keys {
		keys[i] = fmt.Sprintf(`{"k%d": 1}`, i)
	}
	files := map[string]string{
		"01.csv":         "a,b\n1,2\n1\n",
		"02.csv":         "",
		"03.csv":         "a;b\n1;2\n",
		"04.csv":         "a,A\n",
		"05.csv":         "a,a\n",
		"06.csv":         "a,\n",
		"07.csv":         "a\nx\"y\n",
		"08.csv":         "a\n\"x\n\n",
		"09.csv":         "a\n1\n\xff\n",
		"10.csv":         "\xff\xfea\x00",
		"11.csv":         "a\n1\xe2\x82",
		"20.json":        "",
		"21.json":        "[]",
		"22.json":        "{\"a\": 1}\n\n{\"a\": }",
		"23.json":        "{\"a\": 1}\n1",
		"24.json":        "{\"a\": 1}\n{\"b\": [1",
		"25.json":        "{\"a\": 1,\n\"a\": 2}",
		"26.json":        "{\"a\": 1}\n{\"A\": 1}",
		"27.json":        "{\"a\": 1},\n{\"a\": 1}",
		"28.json":        strings.Join(keys, "\n"),
		"29.json":        "{\"a\":\n" + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		"30.json":        "{\"\": 1}",
		"31.json":        `{"o": {"x": 1, "X": 2}}`,
		"same.csv":       "a\n",
		"Same.json":      `{"a": 1}`,
		"it's.csv":       "a\n",
		"log_levels.csv": "a\n",
		"good.csv":       "a\n1\n",
	}
	_, err := open(t, &fakeFolder{files: files}, static.Options{Taken: func(_ context.Context, name string) (string, error) {
		if name == "log_levels" {
			return "a view", nil
		}
		return "", nil
	}})
	if err == nil {
		t.Fatal("opened")
	}
	got := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		`01.csv, line 3: the row does not have 2 fields, as the header has; put fields that contain commas between quotes ("a, b"), and leave no field out`,
		`02.csv: the file is empty; its first line must name the columns`,
		`03.csv, line 1: the columns seem to be separated by ";"; separate them by commas`,
		`04.csv, line 1: "a" and "A" differ in upper and lower case only, which SQL does not tell apart; rename one of them`,
		`05.csv, line 1: two columns are named "a"; rename one of them`,
		`06.csv, line 1: a column has no name; give it one`,
		`07.csv, line 2: there is a quote in a field without quotes around it; put quotes around the field and double those in it ("a ""b""")`,
		`08.csv, line 2: a quoted field does not end as it should; double the quotes in it ("a ""b""") and close it`,
		`09.csv, line 3: this is not UTF-8; save the file in that encoding`,
		`10.csv, line 1: this is not UTF-8; save the file in that encoding`,
		`11.csv, line 2: this is not UTF-8; save the file in that encoding`,
		`20.json: there are no objects with keys, so that the table has no columns; leave the file out until it has rows`,
		`21.json: there are no objects with keys, so that the table has no columns; leave the file out until it has rows`,
		`22.json, line 3: this is no JSON: invalid character '}' looking for beginning of value; write one object for each row, or a list of them`,
		`23.json, line 2: there is a value that is no object; write one object for each row`,
		`24.json, line 2: the file ends in the middle of a value; is it complete?`,
		`25.json, line 2: an object has the key "a" twice; leave one of them out`,
		`26.json, line 2: "a" and "A" differ in upper and lower case only, which SQL does not tell apart; rename one of them`,
		`27.json, line 1: this is no JSON: invalid character ',' looking for beginning of value; write one object for each row, or a list of them`,
		`28.json, line 1001: there are more than 1000 different columns or keys; write what varies as a list of objects with a key and a value`,
		`29.json, line 2: objects and lists are nested more than 32 deep; write what is deep as text`,
		`30.json, line 1: a column has no name; give it one`,
		`31.json, line 1: "x" and "X" differ in upper and lower case only, which SQL does not tell apart; rename one of them`,
		`it's.csv: the name of a table must be made of letters, digits, _, -, dots and spaces inside, 200 bytes at most; rename the file`,
		`log_levels.csv: "log_levels" is the name of a view; rename the file`,
		`same.csv: Same.json is a table of that name already; rename one of them; upper and lower case make no difference`,
	} {
		if i >= len(got) || got[i] != want {
			t.Fatalf("line %d of\n%s\nwant\n%s", i, err, want)
		}
	}
}

func TestLimit(t *testing.T) {
	files := map[string]string{"a.csv": "a\n" + strings.Repeat("1\n", 300<<10), "b.csv": "a\n" + strings.Repeat("1\n", 300<<10)}
	_, err := open(t, &fakeFolder{files: files}, static.Options{MaxBytes: 1 << 20})
	if want := "b.csv: static tables would have more than 1 MB in all; leave out what is not needed, or raise the limit"; err == nil || err.Error() != want {
		t.Errorf("Open = %v, want %s", err, want)
	}
}

// The folder is followed: files that change, come, go and break.
func TestRefresh(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	f := &fakeFolder{
		files:   map[string]string{"hosts.csv": "name\na\n", "gone.json": `{"a": 1}`, "README.md": "#", "gone.csv~": ""},
		changed: map[string]time.Time{"hosts.csv": now.Add(-time.Hour), "gone.json": now.Add(-time.Hour)},
	}
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "static")
	tables, err := open(t, f, static.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want ...string) {
		t.Helper()
		tables.Refresh(t.Context())
		var got []string
		for _, table := range tables.Tables() {
			got = append(got, table.Name+": "+strings.Join(content(t, tables, table.Name)[1:], " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	logged := func(n int, text string) {
		t.Helper()
		if got := strings.Count(log.String(), text); got != n {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, n, &log)
		}
	}
	opened := f.opened
	check("nothing has changed", "gone: 1", "hosts: a")
	if f.opened != opened {
		t.Error("a file that has not changed was read again")
	}
	logged(2, "a file beside the static tables is left out")

	_, reading := tables.Open("HOSTS")
	f.files["hosts.csv"], f.changed["hosts.csv"] = "name\nb\nc\n", now
	f.files["new.csv"] = "x\n1\n"
	delete(f.files, "gone.json")
	check("changed", "hosts: b c", "new: 1")
	if got := parquetRows(t, reading.Files[0]); !slices.Equal(got, []string{"a"}) {
		t.Errorf("a query that runs reads %q", got)
	}
	reading.Release()
	if _, err := os.Stat(reading.Files[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of before: %v", err)
	}

	f.files["hosts.csv"] = "name\nd\ne\n" // within the second of the last change, and as large
	check("changed at once", "hosts: d e", "new: 1")
	now = now.Add(time.Hour)
	check("settled", "hosts: d e", "new: 1")
	opened = f.opened
	check("nothing has changed since", "hosts: d e", "new: 1")
	if f.opened != opened {
		t.Error("a settled file was read again")
	}

	f.files["hosts.csv"], f.changed["hosts.csv"] = "name\n1,2\n", now
	for range 2 {
		check("broken", "hosts: d e", "new: 1")
	}
	logged(1, "hosts.csv, line 2: the row does not have 1 fields")
	f.files["Hosts.csv"] = "name\nz\n"
	check("a double", "hosts: d e", "new: 1")
	delete(f.files, "Hosts.csv")
	f.err = errors.New("no route")
	check("out of reach", "hosts: d e", "new: 1")
	f.err = nil
	f.files["hosts.csv"], f.changed["hosts.csv"] = "name\nf\n", now.Add(time.Second)
	check("mended", "hosts: f", "new: 1")

	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// Whatever is in a file, it becomes a table or a mistake, and reading it twice gives the same.
func FuzzContent(f *testing.F) {
	for _, text := range []string{
		"a,b\n1,2\n", "a\n2026-01-01T00:00:00Z\n", `{"a": [1, {"b": null}]}`, `[{"a": 1}, {"a": "x"}]`, "\xef\xbb\xbf", `"a`, `{"a": {}}`, "a\n.e1\n", "a\n-\n",
	} {
		f.Add(true, text)
		f.Add(false, text)
	}
	f.Fuzz(func(t *testing.T, csv bool, text string) {
		name := "t.json"
		if csv {
			name = "t.csv"
		}
		folder := &fakeFolder{files: map[string]string{name: text}}
		var sums [2][32]byte
		for i := range sums {
			tables, err := open(t, folder, static.Options{})
			if err != nil {
				if !strings.HasPrefix(err.Error(), name) {
					t.Errorf("the mistake does not name the file: %v", err)
				}
				return
			}
			sums[i] = sha256.Sum256([]byte(strings.Join(content(t, tables, "t"), "\n")))
		}
		if sums[0] != sums[1] {
			t.Error("two readings differ")
		}
	})
}
