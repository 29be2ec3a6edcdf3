package query

import (
	"context"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// adminFunctions are for administrators alone (A66). They come in a later version; until then they are known by name,
// so that nobody takes their absence for permission, and attempts are on record.
var adminFunctions = setOf(
	"retire_partitions", "materialize_partitions", "regenerate_partitions",
	"retire_partition_by_file", "retire_partition_by_metadata",
	"deny_queries", "list_query_denials", "remove_query_denial",
	"list_view_set_definitions",
)

// operation is an operation of administrators in a statement.
type operation struct {
	name string
	pos  int // byte offset
}

// adminFunction returns the first call of an administrators' function, or nil. It goes by the tokens: what the engine
// makes of the rest of the statement is of no interest to a caller who may not call it.
func (s *statement) adminFunction() *operation {
	for i, t := range s.tokens {
		name, ok := s.name(i)
		if ok && s.is(i+1, "(") && adminFunctions[lower(name)] {
			return &operation{lower(name), t.pos}
		}
	}
	return nil
}

// authorize refuses a statement with an operation of administrators: to others because they are none (A67), to
// administrators because there is no such operation yet. Nothing of it is executed.
func authorize(ctx context.Context, stmt *statement) error {
	op := stmt.admin
	if op == nil {
		return nil
	}
	err := auth.RequireAdmin(ctx, op.name)
	if err == nil {
		err = fault.New(fault.Unimplemented, op.name+" comes in a later version")
	}
	return &SQLError{Fault: fault.Of(err), Pos: op.pos}
}
