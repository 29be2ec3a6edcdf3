package query

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// Engine is a SQL engine without a memory of its own: files in, Arrow out. package duck implements it.
//
// Its errors are *fault.Error, or a *SQLError around one when the statement is to blame.
type Engine interface {
	// Session waits for an instance that no other query uses. Callers take turns: one with many queries does not keep
	// another waiting. It fails with fault.Exhausted when too many of the caller's or too many in all wait.
	Session(ctx context.Context, caller string) (Session, error)
	// Planner is Session for a statement that is only planned: relations have no rows in it, and Run fails. It costs a
	// fraction of a session.
	Planner(ctx context.Context, caller string) (Session, error)
}

// Session is an instance of the engine for one query: Parse, then Attach, then Prepare, then Bind and Run. Attach at most
// once; what is prepared anew replaces what was prepared before. It is used by one goroutine at a time.
type Session interface {
	// Parse returns the parse tree of a query in the form of DuckDB's json_serialize_sql, all fields present.
	Parse(ctx context.Context, sql string) ([]byte, error)
	// Attach makes the relations and scalars visible under their names, then closes the engine to everything else. ctx is
	// also what calls of the scalars get.
	Attach(ctx context.Context, a Attachment) error
	// Prepare plans the statement and returns its columns in the engine's types; nil when they depend on the type of a
	// parameter that is not known.
	Prepare(ctx context.Context, sql string) (*arrow.Schema, error)
	// Parameters returns the parameters of the prepared statement, each once.
	Parameters() []Parameter
	// Bind gives the parameters, in their order, the values in that row of the arrays. They are copied.
	Bind(ctx context.Context, values []arrow.Array, row int) error
	// Run starts the prepared statement. Rows stream; the reader must be released before the statement runs again and
	// before the session is closed. Its batches must not be used after the session is closed unless they are retained.
	Run(ctx context.Context) (array.RecordReader, error)
	// Cost returns what the statement has taken so far, without the files; complete after the last row and after Close.
	Cost() Cost
	// Close ends whatever runs and gives the instance back. It may be called twice.
	Close()
}

// Attachment is what a statement may use.
type Attachment struct {
	Relations []Relation
	Scalars   []Scalar
	Operators bool // the statement is EXPLAIN ANALYZE: keep account of every operator, not of the statement
}

// Parameter is a ?, $1 or $name of a statement.
type Parameter struct {
	Name string         // the number, from "1" on, or the name; without the $
	Type arrow.DataType // nil when the statement does not tell
}

// Relation is a table of one query.
type Relation struct {
	Name   string        // as the statement says it; any text
	Schema *arrow.Schema // declared types; the rows come in the plain types behind them
	// Definition, when set, is a query over other relations of the statement that come before this one; Schema is not needed.
	Definition string
	Files      []string // absolute paths of Parquet files; the only files that the engine may open
	Batches    []arrow.RecordBatch
	// Query, when set, makes the rows from Sources instead: SQL of ours whose columns are those of Schema, in which {0}, {1}, …
	// stand for the files of Sources[0], Sources[1], …, none of which is empty.
	Query   string
	Sources [][]string
	Filter  string // SQL condition that every row satisfies; "" means none
	OrderBy string // SQL order that reading keeps; "" means none
}

// SQLError is an engine's complaint about a statement.
type SQLError struct {
	Fault *fault.Error
	Pos   int  // byte offset in the statement as the engine got it; -1 when unknown
	Data  bool // it came up while rows were computed, so that the message may quote what they hold
}

// Error returns the message for logs.
func (e *SQLError) Error() string { return e.Fault.Error() }

// Unwrap returns the classified error.
func (e *SQLError) Unwrap() error { return e.Fault }
