package ingest

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// rejectLog writes warnings that clients cause, at most so many that a broken client can't fill the disk.
type rejectLog struct {
	log     *slog.Logger
	limit   *rate.Limiter
	skipped *atomic.Int64
}

func newRejectLog(log *slog.Logger) rejectLog {
	const perSecond, burst = 5, 50
	return rejectLog{log: log, limit: rate.NewLimiter(perSecond, burst), skipped: new(atomic.Int64)}
}

func (l rejectLog) warn(ctx context.Context, msg string, attrs ...any) {
	if !l.limit.Allow() {
		l.skipped.Add(1)
		return
	}
	if n := l.skipped.Swap(0); n > 0 {
		attrs = append(attrs, "similar_skipped", n)
	}
	l.log.WarnContext(ctx, msg, attrs...) //nolint:sloglint // the callers' messages are constant
}
