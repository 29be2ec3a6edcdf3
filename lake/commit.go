package lake

import (
	"context"
	"log/slog"
	"sync"
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
	payloads [][]byte // nil when they live in the catalog
	records  []catalog.BlockRecord
	segment  string
}

// committer makes blocks durable. One goroutine takes what waits, writes the payloads into a segment, records them in one
// catalog transaction, answers, and takes what has arrived meanwhile: nobody waits for a timer. Where segments grow, the
// transaction is filled while the payloads are being written, and committed when they are durable.
type committer struct {
	catalog  *catalog.DB
	segments *segments // of the goroutine
	now      func() time.Time
	log      *slog.Logger

	room    *semaphore.Weighted // queueBytes
	arrived chan *arrival
	stopped chan struct{} // closed when the goroutine has ended

	answered atomic.Int64 // Unix nanoseconds of the last answer
}

// lastAnswer is when a block was last answered.
func (c *committer) lastAnswer() time.Time { return time.Unix(0, c.answered.Load()) }

func newCommitter(db *catalog.DB, objects objstore.Bucket, now func() time.Time, log *slog.Logger) *committer {
	c := &committer{
		catalog: db, segments: &segments{objects: objects}, now: now, log: log,
		room:    semaphore.NewWeighted(queueBytes),
		arrived: make(chan *arrival, 1024),
		stopped: make(chan struct{}),
	}
	go c.run()
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

func (c *committer) run() {
	defer close(c.stopped)
	for first := range c.arrived {
		g := c.collect(first)
		err := c.place(g)
		if err == nil {
			err = c.commit(g)
		}
		c.answer(g, err)
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

// place decides where the payloads of g will lie and fills its records.
func (c *committer) place(g *group) error {
	now := c.now()
	size, inline := 0, true
	for _, a := range g.arrivals {
		size += len(a.stored)
		inline = inline && len(a.stored) <= inlineBlock
	}
	inline = inline && size <= inlineGroup

	var offset int64
	if !inline {
		var err error
		if g.segment, offset, err = c.segments.place(context.Background(), now); err != nil {
			return c.notWritten(g, err)
		}
	}
	for _, a := range g.arrivals {
		b := a.block
		b.PayloadSize, b.InsertTime = int64(len(a.stored)), telemetry.TimeOf(now)
		record := catalog.BlockRecord{Block: b, Location: catalog.Location{Size: b.PayloadSize, Checksum: checksum(a.stored)}}
		if inline {
			record.Location.Inline = a.stored
		} else {
			record.Location.Segment, record.Location.Offset = g.segment, offset
			offset += b.PayloadSize
			g.payloads = append(g.payloads, a.stored)
		}
		g.records = append(g.records, record)
	}
	return nil
}

// commit writes the payloads of g and records its blocks. The work outlives any single request; the stores have their own
// limits of time.
func (c *committer) commit(g *group) error {
	ctx := context.Background()
	write := sync.OnceValue(func() error {
		if g.payloads == nil {
			return nil
		}
		return c.segments.write(ctx, g.segment, g.payloads)
	})
	if c.segments.grows() && g.payloads != nil {
		written := make(chan struct{})
		go func() { defer close(written); _ = write() }()
		defer func() { <-written }() // also when the transaction fails before it asks
	} else if err := write(); err != nil {
		// An object of its own takes longer to write than a transaction should stay open.
		return c.notWritten(g, err)
	}
	inserted, err := c.catalog.AppendWhen(ctx, g.records, write)
	if err != nil {
		if err := write(); err != nil {
			return c.notWritten(g, err)
		}
		// The payloads stay: whether the transaction took effect may be unknown. An object that no record mentions is
		// removed in time.
		c.log.Error("blocks not recorded", "blocks", len(g.records), "err", err)
		return refusal("the catalog does not take the block now", err)
	}
	for i, ok := range inserted {
		if !ok {
			c.log.Debug("block was there already", "block_id", g.records[i].ID)
		}
	}
	return nil
}

func (c *committer) notWritten(g *group, err error) error {
	c.log.Error("blocks not written", "blocks", len(g.arrivals), "err", err)
	return refusal("the object store does not take the block now", err)
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
