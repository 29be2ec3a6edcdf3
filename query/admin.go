package query

import (
	"context"
	"maps"
	"slices"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// adminFunctions are for administrators alone (A66), whether or not this server has them: nobody shall take their absence
// for permission, and attempts are on record.
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

	known bool // every server has it
}

// adminFunction returns the first call of one of the named functions, or nil. It goes by the tokens: what the engine
// makes of the rest of the statement is of no interest to a caller who may not call it.
func (s *statement) adminFunction(names map[string]bool) *operation {
	for i, t := range s.tokens {
		name, ok := s.name(i)
		if ok && s.is(i+1, "(") && names[lower(name)] {
			return &operation{name: lower(name), pos: t.pos}
		}
	}
	return nil
}

// authorize refuses a statement with an operation of administrators: to others because they are none (A67), to
// administrators when this server does not have it. Nothing of it is executed.
func (s *Service) authorize(ctx context.Context, stmt *statement) error {
	op := stmt.admin
	if op == nil {
		op = stmt.adminFunction(s.admin)
	}
	if op == nil {
		return nil
	}
	err := auth.RequireAdmin(ctx, op.name)
	if err == nil && (op.known && s.defined.store != nil || s.has(op.name)) {
		return nil
	}
	if err == nil {
		err = fault.New(fault.Unimplemented, op.name+" comes in a later version")
	}
	return &SQLError{Fault: fault.Of(err), Pos: op.pos}
}

// authorizeCalls refuses the functions of administrators among those that the parse tree calls. authorize has found them
// already where its tokens are the engine's; this is the proof.
func (s *Service) authorizeCalls(ctx context.Context, called map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(called)) {
		if adminFunctions[name] || s.admin[name] {
			if err := auth.RequireAdmin(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// has reports whether one of our functions has the name.
func (s *Service) has(name string) bool { return s.ours[name] != nil || s.functions[name] }
