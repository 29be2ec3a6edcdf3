package sink

import (
	"context"
	"log/slog"
	"time"
)

const (
	lossEvery    = 10 * time.Second // losses are told at most this often, as a sum
	outageEvery  = 5 * time.Minute  // an outage that goes on is told this often
	messageEvery = 30 * time.Second // the same message is told at most this often
	quietTrips   = 2                // a single failure is not news
)

// news is what operators should know and have not been told. The sink's mutex guards it. Only the loop, and Shutdown
// after its end, write to the log: never with the mutex, and nothing is told through telemetry itself.
type news struct {
	said     []message
	saidAt   map[string]time.Time
	told     [kinds][causes]Count // losses
	toldAt   time.Time
	outage   bool // told
	outageAt time.Time
	heldEra  uint64
}

// message is a line of the log.
type message struct {
	info bool
	text string
	args []any
}

// say keeps a warning for the log.
func (n *news) say(text string, err error) {
	const most = 16
	if at, ok := n.saidAt[text]; (ok && time.Since(at) < messageEvery) || len(n.said) >= most {
		return
	}
	if n.saidAt == nil {
		n.saidAt = map[string]time.Time{}
	}
	n.saidAt[text] = time.Now()
	n.said = append(n.said, message{text: text, args: []any{"err", err}})
}

// report writes the news to the log, and returns when there will be more to tell.
func (s *Sink) report(now time.Time, last bool) (next time.Time) {
	s.mu.Lock()
	said := s.news.said
	s.news.said = nil
	said = append(said, s.news.state(&s.gate, s.opts.URL, s.queued, now)...)
	losses, next := s.news.losses(&s.lost, now, last)
	said = append(said, losses...)
	s.mu.Unlock()
	for _, m := range said {
		s.write(m)
	}
	return next
}

// write writes to the log, which must not be able to end the program.
func (s *Sink) write(m message) {
	defer func() { _ = recover() }()
	level := slog.LevelWarn
	if m.info {
		level = slog.LevelInfo
	}
	s.log.Log(context.Background(), level, m.text, m.args...) //nolint:sloglint // constant where it was made
}

// state tells that the server is away, refuses us, or is back.
func (n *news) state(g *gate, url string, queued Count, now time.Time) []message {
	waiting := func(text string) message {
		return message{text: text, args: []any{
			"url", url, "err", g.err, "next_try", g.until.Sub(now).Round(time.Millisecond).String(), "queued_events", queued.Events,
		}}
	}
	switch {
	case g.state == held && n.heldEra != g.era:
		n.heldEra, n.outage, n.outageAt = g.era, true, now
		return []message{waiting("telemetry is refused and kept back; trying again slowly")}
	case g.state == down && g.trips >= quietTrips && (!n.outage || now.Sub(n.outageAt) >= outageEvery):
		n.outage, n.outageAt = true, now
		return []message{waiting("telemetry can't be delivered; trying on")}
	case g.state == up && n.outage:
		n.outage = false
		return []message{{info: true, text: "telemetry is delivered again", args: []any{"url", url, "away", now.Sub(g.since).Round(time.Second).String()}}}
	}
	return nil
}

// losses tells what was lost since the last time.
func (n *news) losses(lost *[kinds][causes]Count, now time.Time, last bool) (said []message, next time.Time) {
	if *lost == n.told {
		return nil, time.Time{}
	}
	if due := n.toldAt.Add(lossEvery); !last && now.Before(due) {
		return nil, due
	}
	for k := range lost {
		for c := range lost[k] {
			events, blocks := lost[k][c].Events-n.told[k][c].Events, lost[k][c].Blocks-n.told[k][c].Blocks
			if blocks > 0 {
				said = append(said, message{text: "telemetry was lost", args: []any{
					"kind", Kind(k).String(), "cause", Cause(c).String(), "events", events, "blocks", blocks,
				}})
			}
		}
	}
	n.told, n.toldAt = *lost, now
	return said, time.Time{}
}
