package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// StaticTables are tables that are not the lake's: files that operators supply, the same for all callers and all times.
// Package static keeps them. Names mean the same in upper and lower case.
type StaticTables interface {
	// Tables returns all, by name.
	Tables() []TableInfo
	// Schema returns the columns of a table, or nil when there is none of that name.
	Schema(name string) *arrow.Schema
	// Open returns the rows of a table as they are now, with its columns; nil when there is none of that name.
	Open(name string) (*arrow.Schema, *Rows)
}

// noTables are no static tables.
type noTables struct{}

func (noTables) Tables() []TableInfo                { return nil }
func (noTables) Schema(string) *arrow.Schema        { return nil }
func (noTables) Open(string) (*arrow.Schema, *Rows) { return nil, nil }

// staticCall is what a static table is to a plan: a table function without arguments.
func (s *Service) staticCall(name string, schema *arrow.Schema) planCall {
	run := func(context.Context, telemetry.Range) (*Rows, error) {
		now, rows := s.static.Open(name)
		if rows != nil && now.Equal(schema) {
			return rows, nil
		}
		if rows != nil {
			rows.release()
		}
		return nil, &fault.Error{Kind: fault.Unavailable, Msg: fmt.Sprintf("the static table '%s' has just changed", name), Fix: "ask again"}
	}
	return planCall{name: name, static: true, plannedCall: &plannedCall{
		function: &TableFunction{Name: name}, pos: -1, call: Call{Schema: schema, Run: run},
	}}
}

// NameTaken says what has the name of a table, or "" when a static table may have it. A nil d has no views.
func NameTaken(ctx context.Context, l Lake, d Definitions, name string) (string, error) {
	name = lower(name)
	switch _, noView := l.Schema(name, "00000000-0000-0000-0000-000000000000"); {
	case slices.Contains(l.Views(), name), plainName(name) && noView == nil:
		return "a view of the lake", nil
	case strings.HasPrefix(name, "information_schema."):
		return "a table of information_schema", nil
	case strings.HasPrefix(name, loadedPrefix), strings.HasSuffix(name, wholeSuffix), name == "arrow stream":
		return "something of the engine's own", nil
	case d == nil:
		return "", nil
	}
	list, err := d.Definitions(ctx)
	if err != nil {
		return "", fmt.Errorf("read the definitions of views: %w", err)
	}
	for _, v := range list {
		if name == v.Name || name == partitionsName(v.Name) {
			return "a view that is defined in SQL", nil
		}
	}
	return "", nil
}

// loadedPrefix begins the names under which the engine keeps rows that it was handed; see package duck.
const loadedPrefix = "loaded "
