package static

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/query"
)

// Folder is where the files are.
type Folder interface {
	// Files describes the files that lie directly in the folder; Key is the name.
	Files(ctx context.Context) ([]objstore.Info, error)
	// Open streams one of them.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Options are what tables are made with. The zero value works.
type Options struct {
	Dir      string        // an empty folder of this machine for their Parquet files; "" means a new one under the system's
	MaxBytes int64         // that all files together may have; 0 means 1 GiB
	Every    time.Duration // how often the folder is looked at again; 0 means 30 s
	Now      func() time.Time
	Log      *slog.Logger // nil discards

	// Taken says what has the name of a table already, such as "a view"; "" when nothing has. nil means that all are free.
	Taken func(ctx context.Context, name string) (string, error)
}

// maxTables bounds the tables of a folder.
const maxTables = 1000

// Tables are those of a folder, as they were when it was last looked at.
type Tables struct {
	folder Folder
	o      Options
	next   int // number of the next file of ours; of the goroutine that refreshes

	refused map[string]objstore.Info // what was wrong when it was last looked at, so that it is logged once; of that goroutine, too
	ignored map[string]bool          // names of files that are no tables and were logged

	mu     sync.Mutex
	tables map[string]*version // by name in lower case
}

var _ query.StaticTables = (*Tables)(nil)

// version is a table as one content of its file makes it.
type version struct {
	name   string // of the table
	sum    [sha256.Size]byte
	schema *arrow.Schema
	path   string // of the Parquet file

	file objstore.Info // when it was read last; of the goroutine that refreshes
	read time.Time     // by our clock; its, too

	readers int  // guarded by Tables.mu, as the next
	retired bool // replaced; the file goes with the last reader
}

// same reports whether a file seems not to have changed.
func same(a, b objstore.Info) bool {
	return a.Key == b.Key && a.Size == b.Size && a.Modified.Equal(b.Modified)
}

// Open reads all files of the folder. Its error tells all that is wrong with them.
func Open(ctx context.Context, folder Folder, o Options) (*Tables, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	if o.Every <= 0 {
		o.Every = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Taken == nil {
		o.Taken = func(context.Context, string) (string, error) { return "", nil }
	}
	var err error
	if o.Dir == "" {
		o.Dir, err = os.MkdirTemp("", "micromegas-static-")
	} else {
		err = os.MkdirAll(o.Dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("make a folder for static tables: %w", err)
	}
	t := &Tables{folder: folder, o: o, refused: map[string]objstore.Info{}, ignored: map[string]bool{}, tables: map[string]*version{}}
	wrong, err := t.look(ctx)
	if err = errors.Join(append(wrong, err)...); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	if len(t.tables) == 0 {
		o.Log.WarnContext(ctx, "the folder of static tables has no .csv and no .json file")
	}
	return t, nil
}

// Close removes the files. No query may run any more.
func (t *Tables) Close() error { return os.RemoveAll(t.o.Dir) }

// Run looks at the folder again and again until ctx ends.
func (t *Tables) Run(ctx context.Context) error {
	tick := time.NewTicker(t.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			t.Refresh(ctx)
		}
	}
}

// Refresh looks at the folder now. What is wrong is logged, once for each state of a file.
func (t *Tables) Refresh(ctx context.Context) {
	wrong, err := t.look(ctx)
	for _, e := range wrong {
		t.o.Log.ErrorContext(ctx, "a static table cannot be replaced, the one of before stays", "err", e)
	}
	if err != nil && ctx.Err() == nil {
		t.o.Log.WarnContext(ctx, "the folder of static tables cannot be read, the tables stay as they are", "err", err)
	}
}

// Tables returns all tables by name.
func (t *Tables) Tables() []query.TableInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	tables := make([]query.TableInfo, 0, len(t.tables))
	for _, key := range slices.Sorted(maps.Keys(t.tables)) {
		tables = append(tables, query.TableInfo{Name: t.tables[key].name, Schema: t.tables[key].schema})
	}
	return tables
}

// Schema returns the columns of a table, or nil when there is none of that name.
func (t *Tables) Schema(name string) *arrow.Schema {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.tables[lower(name)]; v != nil {
		return v.schema
	}
	return nil
}

// Open returns the rows of a table as it is now, with its columns; nil when there is none of that name.
func (t *Tables) Open(name string) (*arrow.Schema, *query.Rows) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.tables[lower(name)]
	if v == nil {
		return nil, nil
	}
	v.readers++
	return v.schema, &query.Rows{Files: []string{v.path}, Release: func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		v.readers--
		v.removeLocked()
	}}
}

func (v *version) removeLocked() {
	if v.retired && v.readers == 0 {
		_ = os.Remove(v.path) // else it goes with the folder
	}
}

// look brings the tables in step with the folder. wrong are the mistakes in files that were not known before; err is that the
// folder could not be read.
func (t *Tables) look(ctx context.Context) (wrong []error, err error) {
	files, err := t.folder.Files(ctx)
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f objstore.Info) bool { return !t.isTable(ctx, f.Key) })
	slices.SortFunc(files, func(a, b objstore.Info) int { // what is a table has its name before what wants to become one
		return cmp.Or(cmp.Compare(t.newcomer(a), t.newcomer(b)), cmp.Compare(a.Key, b.Key))
	})

	owner := map[string]objstore.Info{} // by key, the file that it is of
	left := t.o.MaxBytes
	for _, f := range files {
		key := lower(stem(f.Key))
		problem := t.fit(ctx, f, owner, left)
		if problem == nil {
			owner[key] = f
			left -= f.Size
			problem = t.load(ctx, f, left+f.Size)
		} else if _, ok := owner[key]; !ok {
			owner[key] = f // the table of before stays
		}
		switch {
		case problem == nil:
			delete(t.refused, f.Key)
		case ctx.Err() != nil:
			return wrong, ctx.Err()
		case !same(t.refused[f.Key], f):
			wrong, t.refused[f.Key] = append(wrong, problem), f
		}
	}
	t.drop(ctx, owner)
	return wrong, nil
}

// newcomer is 0 for the file of a table that there is, else 1.
func (t *Tables) newcomer(f objstore.Info) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.tables[lower(stem(f.Key))]; v != nil && v.file.Key == f.Key {
		return 0
	}
	return 1
}

// drop forgets the tables whose files are gone.
func (t *Tables) drop(ctx context.Context, owner map[string]objstore.Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, v := range t.tables {
		if _, ok := owner[key]; !ok {
			delete(t.tables, key)
			v.retired = true
			v.removeLocked()
			t.o.Log.InfoContext(ctx, "static table removed", "table", v.name)
		}
	}
}

// isTable reports whether the file is for a table.
func (t *Tables) isTable(ctx context.Context, name string) bool {
	if isJSON(name) || isCSV(name) {
		return true
	}
	if !t.ignored[name] && len(t.ignored) < maxTables {
		t.ignored[name] = true
		t.o.Log.InfoContext(ctx, "a file beside the static tables is left out; tables are .csv and .json", "file", printable(name))
	}
	return false
}

func isCSV(name string) bool  { return lower(filepath.Ext(name)) == ".csv" }
func isJSON(name string) bool { return lower(filepath.Ext(name)) == ".json" }

func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// lower folds names as the engine does.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// fit reports why a file cannot be a table beside the others.
func (t *Tables) fit(ctx context.Context, f objstore.Info, owner map[string]objstore.Info, left int64) error {
	name := stem(f.Key)
	if bad := strings.IndexFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-. ", r)
	}); bad >= 0 || name == "" || strings.TrimSpace(name) != name || len(name) > 200 {
		return &mistake{
			f.Key, 0, "the name of a table must be made of letters, digits, _, -, dots and spaces inside, 200 bytes at most",
			"rename the file",
		}
	}
	if other, ok := owner[lower(name)]; ok {
		return &mistake{f.Key, 0, fmt.Sprintf("%s is a table of that name already", printable(other.Key)), "rename one of them; upper and lower case make no difference"}
	}
	if len(owner) >= maxTables {
		return &mistake{f.Key, 0, fmt.Sprintf("there are more than %d static tables", maxTables), "put rows of the same kind into one file"}
	}
	if f.Size > left {
		return tooLarge(f.Key, t.o.MaxBytes)
	}
	what, err := t.o.Taken(ctx, name)
	if err != nil {
		return fmt.Errorf("%s: %w", printable(f.Key), err)
	}
	if what != "" {
		return &mistake{f.Key, 0, fmt.Sprintf("%q is the name of %s", printable(name), what), "rename the file"}
	}
	return nil
}

// settled is how long after its last change a file is believed when its time and size are the same. Stores count seconds, and
// their clocks are not ours.
const settled = time.Minute

// load makes the table of a file, unless the one that there is comes from the same state of it.
func (t *Tables) load(ctx context.Context, f objstore.Info, most int64) error {
	key, now := lower(stem(f.Key)), t.o.Now()
	t.mu.Lock()
	old := t.tables[key]
	t.mu.Unlock()
	if old != nil && same(old.file, f) && old.read.Sub(f.Modified) > settled {
		return nil
	}
	t.next++
	path := filepath.Join(t.o.Dir, strconv.Itoa(t.next))
	defer os.Remove(path)
	in, err := t.folder.Open(ctx, f.Key)
	if err != nil {
		return fmt.Errorf("%s: %w", printable(f.Key), err)
	}
	sum, size, err := copyFile(path, f.Key, in, most)
	err = errors.Join(err, in.Close())
	if err != nil {
		return named(f.Key, err)
	}
	if old != nil && old.sum == sum && old.file.Key == f.Key {
		old.file, old.read = f, now
		return nil
	}
	v := &version{name: stem(f.Key), file: f, sum: sum, read: now, path: path + ".parquet"}
	var rows int64
	if v.schema, rows, err = convert(path, f.Key, v.path); err != nil {
		return errors.Join(named(f.Key, err), removed(v.path))
	}
	t.replace(key, v)
	t.o.Log.InfoContext(ctx, "static table loaded", "table", v.name, "file", f.Key, "rows", rows, "size_bytes", size, "columns", v.schema.NumFields())
	return nil
}

// replace makes v the table from now on.
func (t *Tables) replace(key string, v *version) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.tables[key]; old != nil {
		old.retired = true
		old.removeLocked()
	}
	t.tables[key] = v
}

// named says which file an error is about, which a mistake does itself.
func named(file string, err error) error {
	if _, ok := errors.AsType[*mistake](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", printable(file), err)
}

func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
