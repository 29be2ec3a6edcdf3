package query

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Request is one statement with what the caller said about it.
type Request struct {
	SQL                string
	Range              telemetry.Range // only rows in it; see the reference of each view
	Limit              *int64          // at most so many rows, on top of the statement's own limit
	PreserveDictionary bool            // keep dictionary types in the answer

	// Parameters are the values of ?, $1 and $name in the statement. It runs once for each row, on one snapshot, and the
	// answers follow one another. nil when nothing is bound. The caller keeps it until the result is released.
	Parameters arrow.RecordBatch
}

// Description is what is known of a statement without running it.
type Description struct {
	Columns    *arrow.Schema // of its answer, with dictionaries kept
	Parameters *arrow.Schema // of its parameters, by name; the types that the statement asks for
}

// Result is the answer, read batch by batch. Errors while reading are *fault.Error. Release must be called, also after
// an error; it ends a query that is still running.
type Result interface {
	array.RecordReader
}

// TableInfo describes a table that can be named in SQL.
type TableInfo struct {
	Name   string
	Schema *arrow.Schema
}
