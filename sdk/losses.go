package sdk

import (
	"github.com/micromegas-go/micromegas/sdk/sink"
)

// losses counts events that found no room.
type losses struct {
	total    [kinds]uint64
	reported [kinds]uint64
}

// Losses is how many events were lost because the buffers were full when they happened: more was recorded than the
// flusher could move on. What is lost on the way to the server, the sink counts.
type Losses struct {
	Logs, Metrics, Spans uint64
}

var lostMetrics = [kinds]*IntMetric{
	sink.Logs:    Int("telemetry_lost_logs", "count"),
	sink.Metrics: Int("telemetry_lost_metrics", "count"),
	sink.Spans:   Int("telemetry_lost_spans", "count"),
}

// Losses returns what was lost up to the last collection.
func (r *Recorder) Losses() Losses {
	r.collecting.Lock()
	defer r.collecting.Unlock()
	t := r.losses.total
	return Losses{Logs: t[sink.Logs], Metrics: t[sink.Metrics], Spans: t[sink.Spans]}
}

func (r *Recorder) countLosses(l *lane) {
	for k := range l.lost {
		n := l.lost[k].Load()
		r.losses.total[k] += n - l.reported[k]
		l.reported[k] = n
	}
}

// reportLosses tells of new losses, as metrics and in the operator's log. Not in the log stream: telemetry about
// telemetry must not add to what there is too much of.
func (r *Recorder) reportLosses(now int64) {
	l := &r.losses
	if l.total == l.reported {
		return
	}
	for k, m := range lostMetrics {
		if n := l.total[k] - l.reported[k]; n > 0 {
			r.put(r.metrics, []uint64{m.head, 0, n}, now)
		}
	}
	r.log.Warn("events lost: more was recorded than the buffers hold",
		"logs", l.total[sink.Logs]-l.reported[sink.Logs],
		"metrics", l.total[sink.Metrics]-l.reported[sink.Metrics],
		"spans", l.total[sink.Spans]-l.reported[sink.Spans])
	l.reported = l.total
}
