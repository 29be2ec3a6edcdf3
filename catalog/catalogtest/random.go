package catalogtest

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// testRandom takes random steps of ingestion and of several owners' maintenance, whose claims expire under way, and
// checks the invariant after each. The steps are the same each time.
func testRandom(t *testing.T, open Open, seed uint64) {
	w := &world{fixture: newFixture(t, open), random: rand.New(rand.NewPCG(seed, 0))}
	for range 120 {
		w.step()
		w.check()
	}
	w.settle()
}

// world is what the random steps know.
type world struct {
	*fixture
	random  *rand.Rand
	waiting []any // processes and streams that blocks already name, not inserted yet
	known   []telemetry.Stream
	sent    []catalog.BlockRecord
	feeds   int // (view, block) pairs of blocks sent so far, without those dropped
	deleted int // blocks
	pending []claimedBlocks
	merging []claimedPartitions
}

type claimedBlocks struct {
	owner  catalog.Owner
	view   catalog.View
	blocks []catalog.PendingBlock
}

type claimedPartitions struct {
	owner catalog.Owner
	view  catalog.View
	level int
	old   []catalog.Partition
}

// uuid returns the next id of this seed.
func (w *world) uuid() (id uuid.UUID) {
	binary.LittleEndian.PutUint64(id[:8], w.random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], w.random.Uint64())
	return id
}

func (w *world) step() {
	w.Helper()
	switch w.random.IntN(13) {
	case 0, 1, 2:
		w.sendBlocks()
	case 3:
		w.insertWaiting()
	case 4, 5:
		w.claimBlocks()
	case 6, 7:
		w.finishBlocks()
	case 8:
		w.claimFiles()
		w.clock.advance(time.Duration(w.random.IntN(60)) * time.Second)
	case 9:
		w.finishFiles()
	case 10:
		w.retire()
	case 11:
		w.drop()
	case 12:
		w.reopenFiles()
	}
}

// retire gives the blocks of a live partition back, whoever has claimed it.
func (w *world) retire() {
	w.Helper()
	if live := w.records(catalog.PartitionFilter{View: w.someView()}); len(live) > 0 {
		w.ok(w.db.RetirePartitions(w.Context(), []catalog.PartitionID{live[w.random.IntN(len(live))].ID}))
	}
}

// drop deletes a block of a live partition, or what was pending long ago.
func (w *world) drop() {
	w.Helper()
	view := w.someView()
	live := w.records(catalog.PartitionFilter{View: view})
	if len(live) == 0 || w.random.IntN(8) == 0 {
		n, err := w.db.DropPending(w.Context(), view, catalog.Doomed{Before: t0 + telemetry.Time(w.random.IntN(20))*second})
		w.ok(err)
		w.feeds -= int(n)
		deleted, err := w.db.DeleteBlocks(w.Context(), catalog.Doomed{Tag: view.Tag()})
		w.ok(err)
		w.deleted += int(deleted.Blocks)
		return
	}
	old := live[w.random.IntN(len(live))]
	members := w.members(old.ID)
	owner := w.uuid()
	w.ok(w.db.TakePartition(w.Context(), owner, old.ID, time.Minute, true))
	p := newPartition(view)
	if len(members) == 1 {
		p.File, p.Rows, p.Size = "", 0, 0
	}
	w.ok(w.db.RewritePartition(w.Context(), owner, old.ID, p, members[:1]))
	w.feeds--
}

// sendBlocks appends up to five blocks, of known and new streams, with duplicates.
func (w *world) sendBlocks() {
	w.Helper()
	var group []catalog.BlockRecord
	fresh := make(map[telemetry.BlockID]bool)
	for range 1 + w.random.IntN(5) {
		if len(w.sent) > 0 && w.random.IntN(5) == 0 {
			group = append(group, w.sent[w.random.IntN(len(w.sent))])
			continue
		}
		s := w.someStream()
		b := newBlock(s.ProcessID, s.ID, len(w.sent))
		b.ID = telemetry.BlockID(w.uuid())
		fresh[b.ID] = true
		w.sent = append(w.sent, b)
		w.feeds += len(catalog.Feeds(s))
		group = append(group, b)
	}
	inserted, err := w.db.Append(w.Context(), group)
	w.ok(err)
	for i, b := range group {
		switch {
		case inserted[i] && !fresh[b.ID] && w.deleted > 0: // it was deleted, and is a new one now
			w.deleted--
			for _, s := range w.known {
				if s.ID == b.StreamID {
					w.feeds += len(catalog.Feeds(s))
				}
			}
		case inserted[i] != fresh[b.ID]:
			w.Fatalf("inserted[%d] = %v", i, inserted[i])
		}
		delete(fresh, b.ID)
	}
}

// someStream returns a stream that has sent before, or a new one that will be inserted later or is inserted now.
func (w *world) someStream() telemetry.Stream {
	w.Helper()
	if len(w.known) > 0 && w.random.IntN(3) > 0 {
		return w.known[w.random.IntN(len(w.known))]
	}
	process := w.process.ID
	if w.random.IntN(4) == 0 {
		p := newProcess()
		p.ID = telemetry.ProcessID(w.uuid())
		process = p.ID
		w.waiting = append(w.waiting, p)
	}
	tags := [][]string{{"log"}, {"metrics"}, {"log", "metrics"}, {"cpu"}}
	s := newStream(process, tags[w.random.IntN(len(tags))]...)
	s.ID = telemetry.StreamID(w.uuid())
	w.known = append(w.known, s)
	w.waiting = append(w.waiting, s)
	if w.random.IntN(2) == 0 {
		w.insertWaiting()
	}
	return s
}

func (w *world) insertWaiting() {
	w.Helper()
	if len(w.waiting) == 0 {
		return
	}
	i := w.random.IntN(len(w.waiting))
	w.insert(w.waiting[i])
	w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
}

func (w *world) someView() catalog.View { return catalog.Views()[w.random.IntN(len(catalog.Views()))] }

func (w *world) claimBlocks() {
	w.Helper()
	c := claimedBlocks{owner: w.uuid(), view: w.someView()}
	c.blocks = w.claim(catalog.ClaimPending{
		View: c.view, Owner: c.owner, MaxBlocks: 1 + w.random.IntN(6), Lease: time.Duration(1+w.random.IntN(60)) * time.Second,
	})
	if len(c.blocks) > 0 {
		w.pending = append(w.pending, c)
	}
}

// finishBlocks ends a claim, perhaps one that has expired or was taken over, in one of the ways that there are.
func (w *world) finishBlocks() {
	w.Helper()
	if len(w.pending) == 0 {
		return
	}
	i := w.random.IntN(len(w.pending))
	c := w.pending[i]
	w.pending = append(w.pending[:i], w.pending[i+1:]...)
	if w.random.IntN(4) == 0 {
		w.okOrLost(w.db.RenewPending(w.Context(), c.owner, c.view, pendingIDs(c.blocks), time.Minute))
	}
	switch w.random.IntN(8) {
	case 0: // its owner died
	case 1:
		w.ok(w.db.ReleasePending(w.Context(), c.owner, c.view, pendingIDs(c.blocks)))
	case 2:
		w.okOrLost(w.db.FailPending(w.Context(), c.owner, c.view, c.blocks[0].Block.ID, "bad", 2, time.Duration(w.random.IntN(30))*time.Second))
	default:
		p := newPartition(c.view)
		if w.random.IntN(4) == 0 {
			p.File, p.Rows, p.Size = "", 0, 0
		}
		w.okOrLost(w.db.CommitPartition(w.Context(), c.owner, p, pendingIDs(c.blocks)))
	}
}

func (w *world) claimFiles() {
	w.Helper()
	c := claimedPartitions{owner: w.uuid(), view: w.someView(), level: w.random.IntN(2)}
	var err error
	c.old, err = w.db.ClaimPartitions(w.Context(), catalog.ClaimPartitions{
		View: c.view, Level: c.level, MinFiles: 2, MaxFiles: 2 + w.random.IntN(4), Owner: c.owner,
		Lease: time.Duration(1+w.random.IntN(60)) * time.Second,
	})
	w.ok(err)
	if len(c.old) > 0 {
		w.merging = append(w.merging, c)
	}
}

func (w *world) finishFiles() {
	w.Helper()
	if len(w.merging) == 0 {
		return
	}
	i := w.random.IntN(len(w.merging))
	c := w.merging[i]
	w.merging = append(w.merging[:i], w.merging[i+1:]...)
	if w.random.IntN(4) == 0 {
		w.okOrLost(w.db.RenewPartitions(w.Context(), c.owner, partitionIDs(c.old), time.Minute))
	}
	switch w.random.IntN(5) {
	case 0: // its owner died
	case 4:
		w.okOrLost(w.db.FailPartition(w.Context(), c.owner, c.old[0].ID, time.Minute))
	case 1:
		w.ok(w.db.ReleasePartitions(w.Context(), c.owner, partitionIDs(c.old)))
	default:
		p := newPartition(c.view)
		p.Level = c.level + 1
		w.okOrLost(w.db.ReplacePartitions(w.Context(), c.owner, partitionIDs(c.old), p))
	}
	retired, err := w.db.Retired(w.Context(), telemetry.TimeOf(w.clock.now())-60*second, 2)
	w.ok(err)
	w.ok(w.db.Forget(w.Context(), partitionIDs(retired)))
}

// reopenFiles takes live partitions back, whoever has claimed them, because their files are broken.
func (w *world) reopenFiles() {
	w.Helper()
	live := w.partitions(w.someView(), catalog.Filter{Limit: 1 + w.random.IntN(3)})
	n, err := w.db.ReopenPartitions(w.Context(), partitionIDs(live), "broken")
	w.ok(err)
	if n != int64(len(live)) {
		w.Fatalf("%d of %d live partitions reopened", n, len(live))
	}
}

func (w *world) okOrLost(err error) {
	w.Helper()
	if !errors.Is(err, catalog.ErrLostClaim) {
		w.ok(err)
	}
}

// settle inserts what is missing and materialises the rest: then each pair of view and block is in a partition.
func (w *world) settle() {
	w.Helper()
	for len(w.waiting) > 0 {
		w.insertWaiting()
		w.check()
	}
	w.clock.advance(time.Hour)
	for _, v := range catalog.Views() {
		_, err := w.db.RequeueQuarantined(w.Context(), v)
		w.ok(err)
		if len(w.fixture.pending(v, catalog.Filter{Limit: 1})) > 0 {
			w.commit(v)
		}
	}
	counts := read(w.fixture, func(r *catalog.Reader) (catalog.Counts, error) { return r.Counts(w.Context()) })
	var members, pending int64
	for _, c := range counts.Views {
		members += c.Blocks
		pending += c.Pending
	}
	if members != int64(w.feeds) || pending != 0 || counts.Orphans != 0 || counts.Blocks != int64(len(w.sent)-w.deleted) {
		w.Errorf("%d members, %d pending, %d orphans, %d blocks; want %d, 0, 0, %d",
			members, pending, counts.Orphans, counts.Blocks, w.feeds, len(w.sent)-w.deleted)
	}
}
