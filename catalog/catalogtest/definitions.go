package catalogtest

import (
	"errors"
	"testing"

	"github.com/micromegas-go/micromegas/catalog"
)

func testDefinitions(t *testing.T, open Open) {
	f := newFixture(t, open)
	first := catalog.Definition{Name: "errors_a_minute", SQL: "CREATE MATERIALIZED VIEW …", UpdateGroup: 4000, UpdatedBy: "ada"}
	if replaced, err := f.db.PutDefinition(t.Context(), first, false); err != nil || replaced {
		t.Fatalf("the first: %v, %v", replaced, err)
	}
	if _, err := f.db.PutDefinition(t.Context(), first, false); !errors.Is(err, catalog.ErrExists) {
		t.Fatalf("once more: %v", err)
	}
	second := first
	second.SQL, second.UpdatedBy = "CREATE OR REPLACE …", ""
	if replaced, err := f.db.PutDefinition(t.Context(), second, true); err != nil || !replaced {
		t.Fatalf("replace: %v, %v", replaced, err)
	}
	if replaced, err := f.db.PutDefinition(t.Context(), catalog.Definition{Name: "a"}, true); err != nil || replaced {
		t.Fatalf("replace nothing: %v, %v", replaced, err)
	}
	list, err := f.db.Definitions(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "a" || list[1].SQL != second.SQL || list[1].UpdateGroup != 4000 ||
		list[1].UpdatedBy != "" || list[1].Updated == 0 {
		t.Fatalf("definitions are %+v, %v", list, err)
	}
	f.ok(f.db.DeleteDefinition(t.Context(), "a"))
	if err := f.db.DeleteDefinition(t.Context(), "a"); !errors.Is(err, catalog.ErrNotFound) {
		t.Fatalf("drop what is not there: %v", err)
	}
}
