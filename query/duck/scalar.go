package duck

import (
	"slices"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// scalar is a function of ours in Go. run gets whole chunks.
type scalar struct {
	name   string
	args   []bindings.Type
	result bindings.Type
	list   bool // of result
	run    func(in []column, out *output, rows int) error
}

const (
	typeText     = bindings.TypeVarchar
	typeBlob     = bindings.TypeBlob
	typeTime     = bindings.TypeTimestampNS
	typeInt64    = bindings.TypeBigInt
	typeInt32    = bindings.TypeInteger
	typeFloat64  = bindings.TypeDouble
	typeInterval = bindings.TypeInterval
)

// scalars are all functions of ours in Go; see macros.sql for those in SQL.
var scalars = slices.Concat(timeScalars(), jsonbScalars(), textScalars())

// skipNull marks the rows with a NULL argument and reports whether row i is one.
func skipNull(in []column, out *output, i int) bool {
	for _, c := range in {
		if c.null(i) {
			out.setNull(i)
			return true
		}
	}
	return false
}
