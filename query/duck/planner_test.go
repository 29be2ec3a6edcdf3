package duck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

func plan(t *testing.T, e *Engine, column string) *session {
	t.Helper()
	q, err := e.Planner(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	s := q.(*session)
	schema := arrow.NewSchema([]arrow.Field{{Name: column, Type: arrow.PrimitiveTypes.Int32}}, nil)
	if _, err := s.Parse(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(t.Context(), query.Attachment{Relations: []query.Relation{
		{Name: "t", Schema: schema}, {Name: "v", Definition: "SELECT * FROM t", Filter: column + " > 1"},
	}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Statements that are planned at the same time do not see each other's tables; nothing runs, and no file is read.
func TestPlanner(t *testing.T) {
	e, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	a, b := plan(t, e, "a"), plan(t, e, "b")
	defer b.Close()
	defer a.Close()
	for _, tc := range []struct {
		of   *session
		sql  string
		want string // in the error; "" means none
	}{
		{a, "SELECT a, to_hex(a) FROM v", ""},
		{b, "SELECT b + 1 FROM v JOIN t USING (b)", ""},
		{b, "SELECT a FROM v", `"a" not found`},
		{a, "SELECT a FROM v", ""}, // also after an error
		{a, "SET threads = 7", ""}, // is planned, and would fail
	} {
		_, err := tc.of.Prepare(t.Context(), tc.sql)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.sql, err, tc.want)
		}
		if _, err := tc.of.Run(t.Context()); err == nil {
			t.Errorf("%s: it ran", tc.sql)
		}
	}
	file := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(file, []byte("x\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Prepare(t.Context(), "SELECT * FROM read_csv('"+file+"')"); err == nil {
		t.Error("a file is read")
	}
}

// A database that may be spoiled is replaced; those who use it end in their time.
func TestPlannerRetires(t *testing.T) {
	e, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	connect := func() *instance {
		i, err := e.planner.connect(64 << 20)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	a, b := connect(), connect()
	defer b.close()
	if a.of != b.of {
		t.Fatal("two databases from the start")
	}
	_ = a.doubt(fault.New(fault.Invalid, "a mistake"))
	a.close()
	a = connect()
	if a.of != b.of {
		t.Error("a mistake in a statement retires the database")
	}
	_ = a.doubt(fault.New(fault.Internal, "a bug"))
	a.close()
	again := connect()
	defer again.close()
	if again.of == b.of {
		t.Error("the database is not replaced")
	}
	p, err := b.prepare(t.Context(), "SELECT 1")
	if err != nil {
		t.Fatalf("who used it before: %v", err)
	}
	p.close()
}
