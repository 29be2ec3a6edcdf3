package flightsql

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/denylist"
)

// AuditTarget is the target of the audit records of queries, under which existing dashboards look for them.
const AuditTarget = "flightsql_query_audit"

// record is what is known of one query for its audit record.
type record struct {
	log       *slog.Logger
	now       func() time.Time
	begin     time.Time
	sql       string
	caller    auth.Attribution
	request   query.Request
	planning  time.Duration // until there was a result to read
	execution time.Duration // waiting for batches
	rows      int64         // handed to the transport
	cost      query.Cost
}

func (s *Server) newRecord(sql string) *record {
	return &record{log: s.log, now: s.now, begin: s.now(), sql: sql}
}

// finish writes the record of a query that ended with err.
func (r *record) finish(ctx context.Context, err error) {
	outcome, class := outcome(ctx, err)
	attrs := []slog.Attr{
		slog.String("target", AuditTarget),
		slog.String("query_id", idOf(ctx)),
		slog.String("client_ip", clientIP(ctx)),
	}
	for _, h := range []struct {
		key, header string
		always      bool
	}{
		{"client", "x-client-type", true},
		{"agent", "x-client-agent", true},
		{"entrypoint", "x-client-entrypoint", true},
		{"session", "x-client-session", false},
		{"notebook", "x-client-notebook", false},
		{"cell", "x-client-cell", false},
		{"request_id", "x-request-id", false},
	} {
		switch text := auth.Printable(header(ctx, h.header)); {
		case text != "":
			attrs = append(attrs, slog.String(h.key, text))
		case h.always:
			attrs = append(attrs, slog.String(h.key, "unknown"))
		}
	}
	attrs = append(attrs, userAttrs(r.caller)...)
	attrs = append(attrs, callerAttrs(ctx)...)
	attrs = append(attrs, slog.String("sql", r.sql))
	if t := r.request.Range.Begin; t != nil {
		attrs = append(attrs, slog.String("range_begin", t.String()))
	}
	if t := r.request.Range.End; t != nil {
		attrs = append(attrs, slog.String("range_end", t.String()))
	}
	if n := r.request.Limit; n != nil {
		attrs = append(attrs, slog.Int64("limit", *n))
	}
	attrs = append(attrs,
		slog.Float64("planning_ms", millis(r.planning)),
		slog.Float64("execution_ms", millis(r.execution)),
		slog.Float64("total_ms", millis(r.now().Sub(r.begin))),
		slog.Int64("output_rows", r.rows),
		slog.Int("files", r.cost.Files),
		slog.Int64("bytes_scanned", r.cost.FileBytes),
		slog.Int64("rows_scanned", r.cost.RowsScanned),
		slog.Float64("cpu_ms", millis(r.cost.CPU)),
		slog.Int64("peak_memory_bytes", r.cost.PeakMemory),
		slog.Int64("spilled_bytes", r.cost.SpilledBytes),
		slog.Int("blocks_left_out", r.cost.LeftOut),
		slog.String("status", outcome),
	)
	if class != "" {
		attrs = append(attrs, slog.String("error_class", class), slog.String("error", err.Error()))
	}
	attrs = append(attrs, slog.String("sql_hash", hashSQL(r.sql)))
	r.log.LogAttrs(ctx, slog.LevelInfo, "query audit", attrs...)
}

// tell puts what the query has cost into the trailing metadata of the call, where the caller can read it.
func (r *record) tell(ctx context.Context) {
	_ = grpc.SetTrailer(ctx, metadata.Pairs( // fails only where there is no call
		"x-query-id", idOf(ctx),
		"x-query-rows", strconv.FormatInt(r.rows, 10),
		"x-query-files", strconv.Itoa(r.cost.Files),
		"x-query-bytes-scanned", strconv.FormatInt(r.cost.FileBytes, 10),
		"x-query-rows-scanned", strconv.FormatInt(r.cost.RowsScanned, 10),
		"x-query-cpu-ms", strconv.FormatFloat(millis(r.cost.CPU), 'f', -1, 64),
		"x-query-peak-memory-bytes", strconv.FormatInt(r.cost.PeakMemory, 10),
		"x-query-spilled-bytes", strconv.FormatInt(r.cost.SpilledBytes, 10),
		"x-query-blocks-left-out", strconv.Itoa(r.cost.LeftOut),
		"x-query-total-ms", strconv.FormatFloat(millis(r.now().Sub(r.begin)), 'f', -1, 64),
	))
}

// outcome classifies how a query ended: ok, error with its class, or incomplete when the caller left.
func outcome(ctx context.Context, err error) (status, class string) {
	if err == nil {
		return "ok", ""
	}
	if ctx.Err() != nil || fault.KindOf(err) == fault.Canceled || errors.Is(err, context.Canceled) {
		return "incomplete", ""
	}
	if _, ok := errors.AsType[*denylist.DeniedError](err); ok {
		return "error", "denied"
	}
	switch statusOf(err, "").Code() {
	case codes.InvalidArgument, codes.NotFound, codes.Unimplemented:
		return "error", "user"
	case codes.ResourceExhausted, codes.DeadlineExceeded:
		return "error", "resource"
	case codes.PermissionDenied, codes.Unauthenticated:
		return "error", "denied"
	default:
		return "error", "internal"
	}
}

// millis is d in milliseconds with microsecond digits.
func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
