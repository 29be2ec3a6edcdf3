package admin

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/denylist"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Functions are the functions over a lake.
type Functions struct {
	lake    *lake.Lake
	denials *denylist.List
	log     *slog.Logger
	now     func() time.Time
}

// New returns the functions over l and denials. log may be nil.
func New(l *lake.Lake, denials *denylist.List, log *slog.Logger) *Functions {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Functions{lake: l, denials: denials, log: log, now: time.Now}
}

// TableFunctions returns those that stand where a table stands.
func (f *Functions) TableFunctions() []query.TableFunction {
	return []query.TableFunction{
		{Name: "list_partitions", Plan: list("list_partitions", partitionSchema, f.partitions)},
		{Name: "list_view_sets", Plan: list("list_view_sets", viewSetSchema, f.viewSets)},
		{Name: "list_quarantined_blocks", Admin: true, Plan: list("list_quarantined_blocks", failedSchema, f.failed)},
		f.operation("retire_partitions", 4, f.retire),
		f.operation("materialize_partitions", 4, f.stepwise((*lake.Lake).MaterialisePartitions)),
		f.operation("regenerate_partitions", 4, f.stepwise((*lake.Lake).RegeneratePartitions)),
		f.operation("requeue_quarantined_blocks", 1, f.requeue),
		f.operation("deny_queries", 2, f.deny),
		{Name: "list_query_denials", Admin: true, Plan: list("list_query_denials", denialSchema, f.listDenials)},
		f.operation("delete_process", 1, f.deleteProcess),
		f.operation("delete_blocks_before", 1, f.deleteBefore),
	}
}

// work is what an operation does when its statement runs.
type work func(ctx context.Context, say lake.Progress) error

// operation is a function of administrators that reports while it works. plan checks its arguments.
func (f *Functions) operation(name string, arguments int, plan func(args []query.Argument) (work, error)) query.TableFunction {
	return query.TableFunction{Name: name, Admin: true, Plan: func(args []query.Argument) (query.Call, error) {
		if err := wants(name, arguments, args); err != nil {
			return query.Call{}, err
		}
		do, err := plan(args)
		if err != nil {
			return query.Call{}, err
		}
		values := make([]string, len(args))
		for i, a := range args {
			values[i] = fmt.Sprint(a.Value)
		}
		return query.Call{Schema: messageSchema, Run: func(ctx context.Context, _ telemetry.Range) (*query.Rows, error) {
			return &query.Rows{Reader: f.report(ctx, name, values, do)}, nil
		}}, nil
	}}
}

func wants(name string, n int, args []query.Argument) error {
	if len(args) == n {
		return nil
	}
	return fault.New(fault.Invalid, fmt.Sprintf("%s takes %d arguments, not %d", name, n, len(args)))
}

// list is a function without arguments that returns a table.
func list(name string, schema *arrow.Schema, rows func(context.Context, *table) error) func([]query.Argument) (query.Call, error) {
	return func(args []query.Argument) (query.Call, error) {
		if err := wants(name, 0, args); err != nil {
			return query.Call{}, err
		}
		return query.Call{Schema: schema, Run: func(ctx context.Context, _ telemetry.Range) (*query.Rows, error) {
			t := newTable(schema)
			if err := rows(ctx, t); err != nil {
				return nil, err
			}
			return t.rows()
		}}, nil
	}
}

func (f *Functions) retire(args []query.Argument) (work, error) {
	set, err := args[0].Text()
	if err != nil {
		return nil, err
	}
	instance, err := args[1].Text()
	if err != nil {
		return nil, err
	}
	begin, end, err := span(args[2:])
	if err != nil {
		return nil, err
	}
	if begin > end {
		return nil, args[3].Wrong("must not be before argument 3")
	}
	return func(ctx context.Context, say lake.Progress) error {
		return f.lake.RetirePartitions(ctx, set, instance, begin, end, say)
	}, nil
}

func span(args []query.Argument) (begin, end telemetry.Time, err error) {
	if begin, err = args[0].Time(); err != nil {
		return 0, 0, err
	}
	end, err = args[1].Time()
	return begin, end, err
}

// stepwise plans an operation over a range in steps.
func (f *Functions) stepwise(
	do func(l *lake.Lake, ctx context.Context, set string, begin, end telemetry.Time, delta time.Duration, say lake.Progress) error,
) func([]query.Argument) (work, error) {
	return func(args []query.Argument) (work, error) {
		set, err := args[0].Text()
		if err != nil {
			return nil, err
		}
		begin, end, err := span(args[1:])
		if err != nil {
			return nil, err
		}
		delta, err := args[3].Int64()
		if err != nil {
			return nil, err
		}
		if delta <= 0 || delta > int64(100*365*24*time.Hour/time.Second) {
			return nil, args[3].Wrong("must be a number of seconds, more than 0 and at most a hundred years")
		}
		return func(ctx context.Context, say lake.Progress) error {
			return do(f.lake, ctx, set, begin, end, time.Duration(delta)*time.Second, say)
		}, nil
	}
}

func (f *Functions) requeue(args []query.Argument) (work, error) {
	set, err := args[0].Text()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, say lake.Progress) error {
		n, err := f.lake.RequeueQuarantined(ctx, set)
		if err == nil {
			say(fmt.Sprintf("%d blocks of %s are tried again", n, set))
		}
		return err
	}, nil
}

func (f *Functions) deleteProcess(args []query.Argument) (work, error) {
	text, err := args[0].Text()
	if err != nil {
		return nil, err
	}
	id, err := telemetry.ParseProcessID(text)
	if err != nil || id.IsZero() {
		return nil, args[0].Wrong("must be the id of a process")
	}
	return f.erase(lake.Erasure{Process: id}), nil
}

func (f *Functions) deleteBefore(args []query.Argument) (work, error) {
	before, err := args[0].Time()
	if err != nil {
		return nil, err
	}
	if before == 0 || before > telemetry.TimeOf(f.now()) {
		return nil, args[0].Wrong("must be a time in the past")
	}
	return f.erase(lake.Erasure{Before: before}), nil
}

func (f *Functions) erase(what lake.Erasure) work {
	return func(ctx context.Context, say lake.Progress) error {
		done, err := f.lake.Erase(ctx, what, say)
		if err == nil {
			say("deleted " + done.String())
		}
		return err
	}
}

// audit records who did what with which result.
func (f *Functions) audit(ctx context.Context, operation string, arguments []string, result string, err error) {
	attrs := []any{"operation", operation, "arguments", arguments, "result", result}
	if id, ok := auth.From(ctx); ok {
		attrs = append(attrs, "auth_subject", auth.Printable(id.Subject), "issuer", auth.Printable(id.Issuer), "email", auth.Printable(id.Email))
	}
	if err != nil {
		f.log.WarnContext(ctx, "administration failed", append(attrs, "err", err)...)
		return
	}
	f.log.InfoContext(ctx, "administration", attrs...)
}
