package query

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// Scalar is a function of ours that stands where a value stands and needs more than its arguments: the lake, the
// catalog, the caller. Functions that need nothing else live in the engine (package duck).
//
// Several scalars may share a name if their numbers of arguments differ. A call is never folded at planning time and never
// left out because its arguments are equal: it may have effects.
type Scalar struct {
	Name   string // in lower case
	Admin  bool   // for administrators alone
	Args   []arrow.DataType
	Result arrow.DataType // text or binary
	// Call answers some rows of the statement; the engine calls it from its threads, several at once. args holds, for
	// every argument, the value of each row: nil for NULL, else a string, []byte, int64, float64, bool or telemetry.Time.
	// The result has a value for each row: nil, a string or []byte. Errors fail the query and are faults.
	Call func(ctx context.Context, args [][]any, rows int) ([]any, error)
}
