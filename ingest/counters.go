package ingest

import (
	"log/slog"
	"sync/atomic"
)

type counters struct {
	processes, streams, blocks         atomic.Int64
	events, payloadBytes, bodyBytes    atomic.Int64
	requests, rejected, failed, panics atomic.Int64
	reservedProperties                 atomic.Int64
}

// Stats is what a server has done since its start. Processes, streams and blocks count accepted requests, so also those
// that were there already.
type Stats struct {
	Requests           int64 // all, health included
	Processes          int64
	Streams            int64
	Blocks             int64
	Events             int64 // as blocks declare them
	PayloadBytes       int64 // stored form
	BodyBytes          int64 // inflated
	Rejected           int64 // answered 4xx
	Failed             int64 // answered 5xx
	Panics             int64
	ReservedProperties int64 // dropped
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	c := &s.count
	return Stats{
		Requests: c.requests.Load(), Processes: c.processes.Load(), Streams: c.streams.Load(), Blocks: c.blocks.Load(),
		Events: c.events.Load(), PayloadBytes: c.payloadBytes.Load(), BodyBytes: c.bodyBytes.Load(),
		Rejected: c.rejected.Load(), Failed: c.failed.Load(), Panics: c.panics.Load(),
		ReservedProperties: c.reservedProperties.Load(),
	}
}

// LogValue shows the counters as one group.
func (s Stats) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int64("requests", s.Requests), slog.Int64("processes", s.Processes), slog.Int64("streams", s.Streams),
		slog.Int64("blocks", s.Blocks), slog.Int64("events", s.Events), slog.Int64("payload_bytes", s.PayloadBytes),
		slog.Int64("body_bytes", s.BodyBytes), slog.Int64("rejected", s.Rejected), slog.Int64("failed", s.Failed),
		slog.Int64("panics", s.Panics), slog.Int64("reserved_properties", s.ReservedProperties),
	)
}
