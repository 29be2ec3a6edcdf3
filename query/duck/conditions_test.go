package duck_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/telemetry"
)

// asked is a lake that remembers what it was asked for and has no rows.
type asked struct {
	scans []lake.Scan
}

func (l *asked) Views() []string { return []string{"log_entries", "measures", "streams"} }

func (l *asked) Schema(view, _ string) (*arrow.Schema, error) {
	if view == "thread_spans" {
		return spanSchema, nil
	}
	return logSchema, nil
}

func (l *asked) Snapshot(_ context.Context, scans []lake.Scan) (*lake.Snapshot, error) {
	l.scans = scans
	s := &lake.Snapshot{}
	for _, scan := range scans {
		schema, _ := l.Schema(scan.View, scan.Instance)
		s.Tables = append(s.Tables, &lake.Table{Schema: schema})
	}
	return s, nil
}

// What a statement's conditions leave of a relation reaches the lake, and never less than the statement would see.
func TestConditionsNarrowScans(t *testing.T) {
	l := &asked{}
	s := newService(t, l, duck.Options{}, query.Options{})
	const id = "11111111-2222-3333-4444-555555555555"
	began := time.Now()
	for sql, want := range map[string]string{
		"SELECT 1 FROM log_entries":                                      "log_entries",
		"SELECT 1 FROM log_entries WHERE time >= '2026-01-31T12:00:00Z'": "log_entries from 12:00",
		"SELECT 1 FROM log_entries WHERE time > TIMESTAMP '2026-01-31 12:00:00' AND '2026-01-31T18:00:00+02:00' > time":     "log_entries from 12:00 to 16:00",
		"SELECT 1 FROM log_entries l WHERE l.time BETWEEN '2026-01-31T12:00:00Z' AND CAST('2026-01-31T18:00' AS TIMESTAMP)": "log_entries from 12:00 to 18:00",
		"SELECT 1 FROM log_entries WHERE time = '2026-01-31T12:00:00Z' AND level < 3":                                       "log_entries from 12:00 to 12:00",
		"SELECT 1 FROM log_entries WHERE time >= TIMESTAMP '2026-01-31T12:00:00Z' - INTERVAL '90 minutes'":                  "log_entries from 10:30",
		"SELECT 1 FROM log_entries WHERE time >= TIMESTAMP '2026-01-31T12:00:00Z' - INTERVAL '2' HOUR":                      "log_entries from 10:00",
		"SELECT 1 FROM log_entries WHERE time >= now() - INTERVAL '1 day'":                                                  "log_entries from 1 day ago",
		"SELECT 1 FROM log_entries WHERE time <= now()":                                                                     "log_entries to an hour ahead",
		"SELECT 1 FROM log_entries WHERE time >= '2026-01-31T12:00:00Z' OR level = 1":                                       "log_entries",
		"SELECT 1 FROM log_entries WHERE NOT time >= '2026-01-31T12:00:00Z'":                                                "log_entries to 12:00",
		"SELECT 1 FROM log_entries WHERE process_id = '" + id + "' AND target = 'x'":                                        "log_entries of " + id,
		// Two mentions: what either wants.
		"SELECT 1 FROM log_entries WHERE time >= '2026-01-31T12:00:00Z' UNION ALL SELECT 1 FROM log_entries WHERE time >= '2026-01-31T11:00:00Z' AND time < '2026-01-31T12:00:00Z'": "log_entries from 11:00",
		"SELECT (SELECT count(*) FROM log_entries) FROM log_entries WHERE time >= '2026-01-31T12:00:00Z'":                                                                           "log_entries",
		// Joins: a bare column could be anybody's.
		"SELECT 1 FROM log_entries a JOIN measures b ON a.process_id = b.process_id WHERE a.time >= '2026-01-31T12:00:00Z' AND b.process_id = '" + id + "'": "log_entries from 12:00, measures of " + id,
		"SELECT 1 FROM log_entries a LEFT JOIN streams b ON a.process_id = b.process_id WHERE a.time <= '2026-01-31T12:00:00Z' AND b.process_id IS NULL":    "log_entries to 12:00, streams",
		"WITH log_entries AS (SELECT * FROM measures WHERE time >= '2026-01-31T11:00:00Z') SELECT 1 FROM log_entries WHERE time >= '2026-01-31T12:00:00Z'":  "measures from 11:00",
		"SELECT 1 FROM (SELECT time FROM log_entries WHERE time >= '2026-01-31T12:00:00Z') WHERE time <= '2026-01-31T13:00:00Z'":                            "log_entries from 12:00",
		// A span that begins earlier may still reach into the time that is asked for, and one that ends later, too.
		`SELECT 1 FROM view_instance('thread_spans', '` + id + `') WHERE "begin" <= '2026-01-31T18:00:00Z' AND "end" >= '2026-01-31T12:00:00Z'`: "thread_spans from 12:00 to 18:00",
		`SELECT 1 FROM view_instance('thread_spans', '` + id + `') WHERE "begin" >= '2026-01-31T12:00:00Z' AND "end" <= '2026-01-31T18:00:00Z'`: "thread_spans",
	} {
		l.scans = nil
		if _, err := run(t, s, query.Request{SQL: sql}); err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		got := ""
		for i, scan := range l.scans {
			if i > 0 {
				got += ", "
			}
			got += scan.View + told(" from ", scan.Range.Begin, began) + told(" to ", scan.Range.End, began)
			if scan.Only.Process != "" {
				got += " of " + scan.Only.Process
			}
		}
		if got != want {
			t.Errorf("%s\nreads %s, want %s", sql, got, want)
		}
	}
}

func told(word string, at *telemetry.Time, began time.Time) string {
	if at == nil {
		return ""
	}
	text := at.Std().Format("15:04")
	switch d := at.Std().Sub(began); {
	case d > -24*time.Hour && d < -23*time.Hour:
		text = "1 day ago"
	case d > time.Hour && d < 2*time.Hour:
		text = "an hour ahead"
	}
	return fmt.Sprint(word, text)
}
