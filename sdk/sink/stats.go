package sink

import "strconv"

// Cause says why events were lost.
type Cause uint8

// Causes of a loss.
const (
	CauseQueue    Cause = iota // the queue, or the spool, was full
	CauseAge                   // older than [Options.MaxAge]
	CauseRejected              // the server will not take it, or the retry policy ran out
	CauseEncoding              // Encode failed
	CauseShutdown              // not sent when [Sink.Shutdown] had to end, or handed over after it
	CauseSpool                 // a file of the spool could not be read back

	causes = iota
)

// String returns the cause's name in messages and metrics.
func (c Cause) String() string {
	switch c {
	case CauseQueue:
		return "queue"
	case CauseAge:
		return "age"
	case CauseRejected:
		return "rejected"
	case CauseEncoding:
		return "encoding"
	case CauseShutdown:
		return "shutdown"
	case CauseSpool:
		return "spool"
	}
	return "cause" + strconv.Itoa(int(c))
}

// Count is a number of blocks and of the events and bytes in them.
type Count struct {
	Blocks, Events, Bytes int64
}

func (c *Count) add(events int, bytes int64) {
	c.Blocks++
	c.Events += int64(events)
	c.Bytes += bytes
}

func (c *Count) sub(events int, bytes int64) {
	c.Blocks--
	c.Events -= int64(events)
	c.Bytes -= bytes
}

func (c *Count) addCount(d Count) {
	c.Blocks += d.Blocks
	c.Events += d.Events
	c.Bytes += d.Bytes
}

// Stats counts what a sink did since it was made. Every event that was handed to [Sink.Block] or found in the spool is
// in exactly one of Queued, Spooled, Sent, Left and Lost.
type Stats struct {
	Queued  Count // in memory
	Spooled Count // in files, to be sent
	Sent    Count // acknowledged by the server; bytes as sent
	Left    Count // in files when the sink ended, for the next start
	Lost    [kinds][causes]Count

	Requests int64 // sent, of all three routes
	Retries  int64 // requests that had to be made again

	State string // "up", "down", "held" (the server refuses the credential), "closed"
	Err   string // why, when it is down or held
}

// LostEvents returns how many events were lost, of all kinds and causes.
func (s Stats) LostEvents() int64 {
	var n int64
	for k := range s.Lost {
		n += s.LostOf(Kind(k)).Events
	}
	return n
}

// LostOf returns what was lost of one kind, for whatever cause.
func (s Stats) LostOf(k Kind) Count {
	var n Count
	for _, c := range s.Lost[k] {
		n.addCount(c)
	}
	return n
}

// LostBy returns what was lost for one cause, of all kinds.
func (s Stats) LostBy(c Cause) Count {
	var n Count
	for k := range s.Lost {
		n.addCount(s.Lost[k][c])
	}
	return n
}
