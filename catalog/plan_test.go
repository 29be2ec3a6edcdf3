package catalog

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestPlans sees that SQLite finds rows of the tables that grow without bound through an index.
func TestPlans(t *testing.T) {
	db, err := Open(t.Context(), Options{DSN: filepath.Join(t.TempDir(), "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one := []any{id(uuid.New())}
	by := func(name string) []option { return []option{{name, one}} }
	for name, q := range map[string]query{
		"append":                {name: "insert_pending", n: 8},
		"resolve one stream":    {name: "unresolved", options: by("stream")},
		"resolve all":           {name: "unresolved"},
		"resolve":               {name: "resolve_pending", n: 8},
		"claim":                 {name: "claimable_pending", options: []option{{"limit", one}}},
		"mark claimed":          {name: "claim_pending", n: 8},
		"commit":                {name: "delete_claimed_pending", n: 8},
		"members":               {name: "insert_members", n: 8},
		"replace":               {name: "move_members", n: 8},
		"pending":               {name: "pending"},
		"pending of process":    {name: "pending", options: by("process")},
		"blocks since":          {name: "blocks", options: by("begin")},
		"blocks of process":     {name: "blocks", options: by("process")},
		"blocks of stream":      {name: "blocks", options: by("stream")},
		"block":                 {name: "blocks", options: by("block")},
		"during, of stream":     {name: "blocks_during", options: append(by("begin"), by("stream")...)},
		"during, of process":    {name: "blocks_during", options: append(by("begin"), by("process")...)},
		"partitions":            {name: "partitions"},
		"partitions of process": {name: "partitions", options: by("process")},
		"partitions of block":   {name: "partitions", options: by("block")},
		"claimable partitions":  {name: "claimable_partitions"},
		"segments":              {name: "segments_in_use", n: 8},
		"files":                 {name: "files_in_use", n: 8},
		"whole":                 {name: "whole_staged", n: 8},
		"forget halves":         {name: "delete_staged_among", n: 8},
		"staged segments":       {name: "staged_segments", n: 8},
		"staged payloads":       {name: "payloads_staged", n: 8},
		"members of":            {name: "members"},
		"member blocks":         {name: "member_blocks"},
		"drop members":          {name: "drop_members", n: 8},
		"drop pending":          {name: "droppable_pending", options: by("process")},
		"old blocks":            {name: "deletable_blocks", n: 2, options: by("before")},
		"waste":                 {name: "segment_waste"},
		"key by hash":           {name: "keys", options: by("hash")},
		"key by id":             {name: "keys", options: by("id")},
		"changed keys":          {name: "keys", options: by("since")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range explain(t, db, q) {
				for _, table := range []string{"b", "m", "p", "blocks", "members", "pending", "partitions", "s", "streams", "api_keys", "staged"} {
					if strings.HasPrefix(line, "SCAN "+table+" ") && !strings.Contains(line, "INDEX") || line == "SCAN "+table {
						t.Errorf("%s: %s", q.name, line)
					}
				}
			}
		})
	}
}

// explain returns the lines of EXPLAIN QUERY PLAN (https://sqlite.org/eqp.html).
func explain(t *testing.T, db *DB, q query) []string {
	t.Helper()
	text := db.texts.text(db.dialect, q)
	args := make([]any, strings.Count(text, "?"))
	rows, err := db.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var node, parent, unused sql.RawBytes
		var line string
		if err := rows.Scan(&node, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestRender(t *testing.T) {
	q := query{name: "streams", options: []option{{"process", nil}, {"tag", nil}}}
	text := render(postgresDialect, q)
	for _, want := range []string{"s.process_id = $1", "t.tag = $2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "LIMIT") || strings.Contains(text, "--") {
		t.Errorf("a line that no option switched on in\n%s", text)
	}
	q = query{name: "claimable_pending", options: []option{{"limit", []any{1}}}}
	if !strings.HasSuffix(render(postgresDialect, q), "SKIP LOCKED") || strings.Contains(render(sqliteDialect, q), "FOR UPDATE") {
		t.Error("the lines for PostgreSQL are wrong")
	}
	if got, want := render(sqliteDialect, query{name: "live_among", n: 3}), "IN (?, ?, ?)"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want it to end in %q", got, want)
	}
}
