// Package catalogtest is the contract of package catalog as tests, which run on each database that it supports.
package catalogtest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Open opens a database that is empty at the first call within a test, and the same one again at the next calls. It
// closes what it opened when the test ends. now is its clock.
type Open func(t *testing.T, now func() time.Time) *catalog.DB

// Run runs the suite; newDatabase is called once for each of its tests.
func Run(t *testing.T, newDatabase func(t *testing.T) Open) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Open){
		"processes":            testProcesses,
		"streams":              testStreams,
		"strange text":         testStrangeText,
		"append":               testAppend,
		"append when durable":  testAppendWhen,
		"append many":          testAppendMany,
		"staged":               testStaged,
		"staged twice":         testStagedTwice,
		"staged together":      testStagedTogether,
		"insert many":          testInsertMany,
		"activity":             testActivity,
		"feeds":                testFeeds,
		"arrival order":        testArrivalOrder,
		"blocks":               testBlocks,
		"blocks during":        testBlocksDuring,
		"blocks with owners":   testWithOwners,
		"pending":              testPending,
		"claim pending":        testClaimPending,
		"fail pending":         testFailPending,
		"each block":           testEachBlock,
		"older":                testOlder,
		"known payloads":       testKnownPayloads,
		"claim order":          testClaimOrder,
		"commit partition":     testCommitPartition,
		"commit is idempotent": testCommitTwice,
		"commit is checked":    testCommitChecks,
		"partitions":           testPartitions,
		"claim partitions":     testClaimPartitions,
		"replace partitions":   testReplacePartitions,
		"reopen partitions":    testReopenPartitions,
		"renew claims":         testRenew,
		"pause after failure":  testPause,
		"levels":               testLevels,
		"retired":              testRetired,
		"retire partitions":    testRetirePartitions,
		"rewrite partition":    testRewritePartition,
		"delete blocks":        testDeleteBlocks,
		"delete idle":          testDeleteIdle,
		"move blocks":          testMoveBlocks,
		"failed pending":       testFailedPending,
		"denials":              testDenials,
		"definitions":          testDefinitions,
		"in use":               testInUse,
		"counts":               testCounts,
		"snapshot":             testSnapshot,
		"concurrency":          testConcurrency,
		"canceled":             testCanceled,
		"keys":                 testKeys,
		"B28 key changes":      testKeyChanges,
		"B29 use of keys":      testTouchKeys,
		"live keys":            testLiveKeys,
		"B28 keys, together":   testKeysTogether,
	} {
		t.Run(name, func(t *testing.T) { test(t, newDatabase(t)) })
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("random interleavings, seed %d", seed), func(t *testing.T) { testRandom(t, newDatabase(t), seed) })
	}
}

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ns.Store(int64(t0))
	return c
}

func (c *clock) now() time.Time          { return telemetry.Time(c.ns.Load()).Std() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// t0 is when everything in these tests begins.
const t0 telemetry.Time = 1_700_000_000_000_000_000

// second is one in telemetry.Time.
const second telemetry.Time = 1e9

// at returns the moment n seconds after t0.
func at(n int) telemetry.Time { return t0 + telemetry.Time(n)*second }

// span returns the range from a to b seconds after t0.
func span(a, b int) telemetry.Range {
	begin, end := at(a), at(b)
	return telemetry.Range{Begin: &begin, End: &end}
}

func newProcess() telemetry.Process {
	return telemetry.Process{
		ID: telemetry.ProcessID(uuid.New()), Exe: "/bin/game", Username: "ada", Realname: "Ada", Computer: "box",
		Distro: "debian", CPUBrand: "cpu", TSCFrequency: 3_000_000_000, StartTime: t0, StartTicks: -5,
		Properties: map[string]string{"k": "v"}, InsertTime: t0,
	}
}

func newStream(p telemetry.ProcessID, tags ...string) telemetry.Stream {
	return telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p, DependenciesMetadata: []byte{0x80}, ObjectsMetadata: []byte{0x81, 0x01},
		Tags: tags, Properties: map[string]string{"thread-name": "main"}, Format: telemetry.FormatNative, InsertTime: t0,
	}
}

// newBlock returns a block of a second, which began n seconds after t0 and was inserted at its end.
func newBlock(p telemetry.ProcessID, s telemetry.StreamID, n int) catalog.BlockRecord {
	return catalog.BlockRecord{
		Block: telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), StreamID: s, ProcessID: p, BeginTime: at(n), EndTime: at(n + 1),
			BeginTicks: telemetry.Ticks(n) * 10, EndTicks: telemetry.Ticks(n)*10 + 10, Objects: 7, ObjectOffset: int64(n) * 7,
			PayloadSize: 100, InsertTime: at(n + 1),
		},
		Location: catalog.Location{Segment: "segments/1", Offset: int64(n) * 100, Size: 100},
	}
}

// fixture is an open catalog with a process and a log stream.
type fixture struct {
	*testing.T
	db      *catalog.DB
	open    Open
	clock   *clock
	process telemetry.Process
	stream  telemetry.Stream
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	c := newClock()
	f := &fixture{T: t, db: open(t, c.now), open: open, clock: c, process: newProcess()}
	f.stream = newStream(f.process.ID, telemetry.TagLog)
	f.insert(f.process)
	f.insert(f.stream)
	t.Cleanup(func() {
		if err := f.db.CheckCoverage(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return f
}

// insert records a process or stream.
func (f *fixture) insert(v any) {
	f.Helper()
	var inserted bool
	var err error
	switch v := v.(type) {
	case telemetry.Process:
		inserted, err = f.db.InsertProcess(f.Context(), v)
	case telemetry.Stream:
		inserted, err = f.db.InsertStream(f.Context(), v)
	}
	if err != nil || !inserted {
		f.Fatalf("insert %T = %v, %v", v, inserted, err)
	}
}

// append records blocks that are all new, and checks the invariant.
func (f *fixture) append(blocks ...catalog.BlockRecord) {
	f.Helper()
	inserted, err := f.db.Append(f.Context(), blocks)
	if err != nil || slices.Contains(inserted, false) || len(inserted) != len(blocks) {
		f.Fatalf("Append = %v, %v", inserted, err)
	}
	f.check()
}

// check verifies the invariant.
func (f *fixture) check() {
	f.Helper()
	if err := f.db.CheckCoverage(f.Context()); err != nil {
		f.Fatal(err)
	}
}

// ok ends the test unless err is nil.
func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// read calls a method of Reader in a snapshot of its own.
func read[T any](f *fixture, get func(*catalog.Reader) (T, error)) T {
	f.Helper()
	var v T
	f.ok(f.db.Read(f.Context(), func(r *catalog.Reader) error {
		var err error
		v, err = get(r)
		return err
	}))
	return v
}

func (f *fixture) pending(v catalog.View, filter catalog.Filter) []catalog.PendingBlock {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([]catalog.PendingBlock, error) { return r.Pending(f.Context(), v, filter) })
}

func (f *fixture) partitions(v catalog.View, filter catalog.Filter) []catalog.Partition {
	f.Helper()
	return read(f, func(r *catalog.Reader) ([]catalog.Partition, error) { return r.Partitions(f.Context(), v, filter) })
}

func (f *fixture) claim(c catalog.ClaimPending) []catalog.PendingBlock {
	f.Helper()
	if c.View == "" {
		c.View = catalog.LogEntries
	}
	list, err := f.db.ClaimPending(f.Context(), c)
	f.ok(err)
	return list
}

// commit claims all pending blocks of the view and makes a partition of them.
func (f *fixture) commit(v catalog.View) catalog.Partition {
	f.Helper()
	owner := uuid.New()
	claimed := f.claim(catalog.ClaimPending{View: v, Owner: owner})
	p := newPartition(v)
	if len(claimed) > 0 {
		p.MinTime, p.MaxTime = claimed[0].Block.BeginTime, claimed[len(claimed)-1].Block.EndTime
	}
	f.ok(f.db.CommitPartition(f.Context(), owner, p, pendingIDs(claimed)))
	f.check()
	p.Blocks = int64(len(claimed))
	return p
}

func newPartition(v catalog.View) catalog.Partition {
	id := uuid.New()
	return catalog.Partition{
		ID: id, View: v, File: "views/" + string(v) + "/" + id.String() + ".parquet", Size: 1000, Rows: 70, MinTime: at(0),
		MaxTime: at(1), Schema: 3, Created: t0,
	}
}

func blockIDs(list []catalog.BlockRecord) []telemetry.BlockID {
	var ids []telemetry.BlockID
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	return ids
}

func pendingIDs(list []catalog.PendingBlock) []telemetry.BlockID {
	var ids []telemetry.BlockID
	for i := range list {
		ids = append(ids, list[i].Block.ID)
	}
	return ids
}

func partitionIDs(list []catalog.Partition) []catalog.PartitionID {
	var ids []catalog.PartitionID
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	return ids
}
