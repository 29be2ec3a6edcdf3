package lake

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/telemetry"
)

const (
	// groupBytes is how large a group gets while blocks keep waiting. One block may be larger.
	groupBytes = 8 << 20
	// inlineBlock is the largest payload that may live in the catalog's row, and inlineGroup the largest sum of a group
	// that does: for a trickle of tiny blocks a row costs less than an object.
	inlineBlock = 4 << 10
	inlineGroup = 64 << 10
	// queueBytes bounds the payloads that wait or are being written.
	queueBytes = 64 << 20
	// retryAfter is what a caller is told when the store fails or the queue is full.
	retryAfter = 2 * time.Second
)

// arrival is a block on its way into the lake.
type arrival struct {
	block  telemetry.Block
	stored []byte     // the payload as it will lie in the segment
	weight int64      // of the queue's bound
	done   chan error // capacity 1
}

// group is a set of arrivals that are written together.
type group struct {
	arrivals []*arrival
	records  []catalog.BlockRecord
}

// committer makes blocks durable. It works in two stages, each one goroutine: the first writes the waiting blocks into a
// segment, the second records all groups that are written in one catalog transaction and answers. While one group
// is being recorded the next is being written; what arrives in the meantime makes up the group after. An idle committer
// starts at once, so nobody waits for a timer.
type committer struct {
	catalog  *catalog.DB
	segments *segments // of the first stage
	now      func() time.Time
	log      *slog.Logger

	room    *semaphore.Weighted // queueBytes
	arrived chan *arrival
	written chan *group
	stopped chan struct{} // closed when both stages have ended

	answered atomic.Int64 // Unix nanoseconds of the last answer
}

// lastAnswer is when a block was last answered.
func (c *committer) lastAnswer() time.Time { return time.Unix(0, c.answered.Load()) }

func newCommitter(db *catalog.DB, objects objstore.Bucket, now func() time.Time, log *slog.Logger) *committer {
	c := &committer{
		catalog: db, segments: &segments{objects: objects}, now: now, log: log,
		room:    semaphore.NewWeighted(queueBytes),
		arrived: make(chan *arrival, 1024),
		written: make(chan *group),
		stopped: make(chan struct{}),
	}
	go c.write()
	go c.record()
	return c
}

// append waits until the block is durable, or ctx ends: then it may become durable later. It must not be called after close.
func (c *committer) append(ctx context.Context, b telemetry.Block, stored []byte) error {
	a := &arrival{block: b, stored: stored, weight: min(int64(len(stored)), queueBytes), done: make(chan error, 1)}
	if !c.room.TryAcquire(a.weight) {
		return &fault.Error{
			Kind: fault.Unavailable, Msg: "the ingestion queue is full", Fix: "send the block again later", RetryAfter: retryAfter,
		}
	}
	select {
	case c.arrived <- a:
	case <-ctx.Done():
		c.room.Release(a.weight)
		return fault.Wrap(fault.Canceled, "the request ended before the block was stored", context.Cause(ctx))
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return fault.Wrap(fault.Canceled, "the request ended before the block was stored", context.Cause(ctx))
	}
}

// close waits until everything that was appended is answered.
func (c *committer) close() {
	close(c.arrived)
	<-c.stopped
}

// write is the first stage.
func (c *committer) write() {
	defer close(c.written)
	for first := range c.arrived {
		g := c.collect(first)
		if err := c.store(g); err != nil {
			c.answer(g, err)
			continue
		}
		c.written <- g
	}
	if err := c.segments.close(); err != nil {
		c.log.Warn("segment not closed", "err", err)
	}
}

// collect returns first and what else is waiting, up to a group's size.
func (c *committer) collect(first *arrival) *group {
	g := &group{arrivals: []*arrival{first}}
	size := len(first.stored)
	for size < groupBytes {
		select {
		case a, ok := <-c.arrived:
			if !ok {
				return g
			}
			g.arrivals = append(g.arrivals, a)
			size += len(a.stored)
		default:
			return g
		}
	}
	return g
}

// store writes the payloads of g and fills its records.
func (c *committer) store(g *group) error {
	now := c.now()
	payloads := make([][]byte, len(g.arrivals))
	size, inline := 0, true
	for i, a := range g.arrivals {
		payloads[i] = a.stored
		size += len(a.stored)
		inline = inline && len(a.stored) <= inlineBlock
	}
	inline = inline && size <= inlineGroup

	var key string
	var offset int64
	if !inline {
		var err error
		// The work outlives any single request; the store has its own limits of time.
		if key, offset, err = c.segments.write(context.Background(), now, payloads); err != nil {
			c.log.Error("blocks not written", "size_bytes", size, "blocks", len(g.arrivals), "err", err)
			return refusal("the object store does not take the block now", err)
		}
	}
	for _, a := range g.arrivals {
		b := a.block
		b.PayloadSize, b.InsertTime = int64(len(a.stored)), telemetry.TimeOf(now)
		record := catalog.BlockRecord{Block: b, Location: catalog.Location{Size: b.PayloadSize}}
		if inline {
			record.Location.Inline = a.stored
		} else {
			record.Location.Segment, record.Location.Offset = key, offset
			offset += b.PayloadSize
		}
		g.records = append(g.records, record)
	}
	return nil
}

// record is the second stage.
func (c *committer) record() {
	defer close(c.stopped)
	for g := range c.written {
		ready := []*group{g}
		for more := true; more; {
			select {
			case g, ok := <-c.written:
				if more = ok; ok {
					ready = append(ready, g)
				}
			default:
				more = false
			}
		}
		err := c.commit(ready)
		for _, g := range ready {
			c.answer(g, err)
		}
	}
}

func (c *committer) commit(groups []*group) error {
	var records []catalog.BlockRecord
	for _, g := range groups {
		records = append(records, g.records...)
	}
	inserted, err := c.catalog.Append(context.Background(), records)
	if err != nil {
		// The segments stay: whether the transaction took effect may be unknown. Sweeping removes them if it did not.
		c.log.Error("blocks not recorded", "blocks", len(records), "err", err)
		return refusal("the catalog does not take the block now", err)
	}
	for i, ok := range inserted {
		if !ok {
			c.log.Debug("block was there already", "block_id", records[i].ID)
		}
	}
	return nil
}

func (c *committer) answer(g *group, err error) {
	c.answered.Store(time.Now().UnixNano())
	for _, a := range g.arrivals {
		c.room.Release(a.weight)
		a.done <- err
	}
}

// refusal is what the callers of a failed flush get: their blocks are not stored, and may be sent again.
func refusal(msg string, cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Msg: msg, Fix: "send it again later", Err: cause, RetryAfter: retryAfter}
}
