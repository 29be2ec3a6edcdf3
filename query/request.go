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
