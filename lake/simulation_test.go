package lake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/pgtest"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// TestSimulation runs random interleavings of all that happens to a lake: two nodes on one catalog and one object store take
// blocks in, answer, materialise, merge, upgrade, clean up, lose their claims, have their stores fail before or after they did
// what they were asked for, and die in the middle of anything; partitions are retired by hand, written by older programs, and
// their files damaged. After every step, and in the middle of the other node's work, each acknowledged event must be in the
// answer exactly once, one that was refused at most once, and nothing else.
//
// A failure names its seed; SIMULATION_SEED=n runs that one alone and prints its steps. SIMULATION_RUNS=n runs so many, from that
// seed on.
func TestSimulation(t *testing.T) {
	simulate(t, 20, func(t *testing.T, folder string) (string, func() string) {
		t.Helper()
		template := filepath.Join(folder, "template.db")
		db, err := catalog.Open(t.Context(), catalog.Options{DSN: template})
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		return "SQLite", func() string {
			n++
			dsn := filepath.Join(folder, fmt.Sprintf("%d.db", n))
			b, err := os.ReadFile(template)
			if err == nil {
				err = os.WriteFile(dsn, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return dsn
		}
	})
}

// TestSimulationPostgres does the same on PostgreSQL, where an open database costs more.
func TestSimulationPostgres(t *testing.T) {
	server := pgtest.Start(t)
	simulate(t, 3, func(t *testing.T, _ string) (string, func() string) {
		t.Helper()
		return "PostgreSQL", func() string { return server.NewDatabase(t) }
	})
}

func simulate(t *testing.T, runs int, databases func(t *testing.T, folder string) (name string, next func() string)) {
	t.Helper()
	folder := t.TempDir()
	// Where syncs cost nothing: no power fails here.
	if shm, err := os.MkdirTemp("/dev/shm", "simulation-"); err == nil { //nolint:usetesting // not where other tests' files are
		folder = shm
		t.Cleanup(func() { _ = os.RemoveAll(shm) })
	}
	name, next := databases(t, folder)
	var seed, first uint64
	var verbose bool
	if s, err := strconv.ParseUint(os.Getenv("SIMULATION_SEED"), 10, 64); err == nil {
		first, runs = s, 1
	}
	if n, err := strconv.Atoi(os.Getenv("SIMULATION_RUNS")); err == nil {
		runs = n
	}
	verbose = runs == 1
	for seed = first; seed < first+uint64(runs); seed++ {
		w := newSimulation(t, filepath.Join(folder, fmt.Sprintf("run-%d", seed)), next(), seed)
		w.verbose = verbose
		w.run()
		if t.Failed() {
			t.Fatalf("%s: seed %d failed; SIMULATION_SEED=%d repeats it. Its steps:\n%s", name, seed, seed, strings.Join(w.steps, "\n"))
		}
	}
}

// simulation is one run.
type simulation struct {
	*testing.T
	random  *rand.Rand
	folder  string
	dsn     string
	verbose bool
	steps   []string

	now      time.Time
	db       *catalog.DB
	objects  *dir.Bucket
	maintain Maintenance
	grows    bool // segments grow
	local    bool // partitions are read in place
	nodes    [2]*node
	busy     *node // whose work is going on; nil between steps
	inside   bool  // the work of the other

	processes []*simProcess
	streams   []*simStream
	blocks    map[telemetry.BlockID]*simBlock
	order     []telemetry.BlockID
	read      map[string]map[simEvent]int // of files that were read before: they never change
	held      *heldSnapshot
}

type simProcess struct {
	telemetry.Process
	known bool
}

type simStream struct {
	telemetry.Stream
	process *simProcess
	known   bool
}

type simBlock struct {
	telemetry.Block
	stream  *simStream
	payload wire.Payload
	events  map[catalog.View]int
	acked   bool // else it may be there or not
}

type simEvent struct {
	block string
	event string
}

// heldSnapshot is what a long query reads.
type heldSnapshot struct {
	node     *node
	snapshot *Snapshot
	want     []map[simEvent]int
	until    time.Time // its files may be deleted afterwards
}

// node is a process on the lake.
type node struct {
	*Lake
	number int
	bucket *simBucket
	world  *simulation

	mu      sync.Mutex
	plan    *simFault
	dead    bool // nothing that it does has an effect any more
	touched bool // a fault has happened since the step began
}

// simFault is one failure to come.
type simFault struct {
	op    string
	after bool // it takes effect, but the answer is lost
	left  int  // calls before it
	crash bool
}

var errSimulated = errors.New("simulated failure")

// hit is called before and after each effect of a node on the stores.
func (n *node) hit(op string, after bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return errSimulated
	}
	p := n.plan
	if p == nil || p.op != op || p.after != after {
		return nil
	}
	if p.left--; p.left >= 0 {
		return nil
	}
	n.plan, n.touched, n.dead = nil, true, p.crash
	return errSimulated
}

// simBucket is the object store as a node sees it.
type simBucket struct {
	objects *dir.Bucket
	node    *node
}

func (b *simBucket) around(op string, f func() error) error {
	if err := b.node.hit(op, false); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return b.node.hit(op, true)
}

func (b *simBucket) Put(ctx context.Context, key string, data []byte) error {
	return b.around("put", func() error { return b.objects.Put(ctx, key, data) })
}

func (b *simBucket) PutFile(ctx context.Context, key, path string) error {
	b.node.world.meanwhile(b.node)
	return b.around("put file", func() error { return b.objects.PutFile(ctx, key, path) })
}

func (b *simBucket) Get(ctx context.Context, key string) (data []byte, err error) {
	err = b.around("get", func() error { data, err = b.objects.Get(ctx, key); return err })
	return data, err
}

func (b *simBucket) GetRange(ctx context.Context, key string, offset, n int64) (data []byte, err error) {
	err = b.around("get", func() error { data, err = b.objects.GetRange(ctx, key, offset, n); return err })
	return data, err
}

func (b *simBucket) Reader(ctx context.Context, key string) (io.ReadCloser, error) {
	return b.objects.Reader(ctx, key)
}

func (b *simBucket) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	err = b.around("get", func() error { info, err = b.objects.Stat(ctx, key); return err })
	return info, err
}

func (b *simBucket) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return b.objects.List(ctx, prefix)
}

func (b *simBucket) Delete(ctx context.Context, key string) error {
	return b.around("delete", func() error { return b.objects.Delete(ctx, key) })
}

func (b *simBucket) Check(context.Context) error { return nil }

// simGrower is a simBucket whose objects grow.
type simGrower struct{ *simBucket }

func (b simGrower) Grow(ctx context.Context, key string) (objstore.Growing, error) {
	var g objstore.Growing
	err := b.around("put", func() (err error) { g, err = b.objects.Grow(ctx, key); return err })
	if err != nil && g != nil {
		_ = g.Close()
	}
	return &simGrowing{Growing: g, bucket: b.simBucket}, err
}

type simGrowing struct {
	objstore.Growing
	bucket *simBucket
}

func (g *simGrowing) Append(parts ...[]byte) (offset int64, err error) {
	err = g.bucket.around("put", func() error { offset, err = g.Growing.Append(parts...); return err })
	return offset, err
}

// simLocal is a bucket whose objects are files of this machine.
type simLocal struct{ *simBucket }

func (b simLocal) Path(key string) (string, error) { return b.objects.Path(key) }

type simLocalGrower struct {
	simGrower
	simLocal2
}

type simLocal2 struct{ objects *dir.Bucket }

func (b simLocal2) Path(key string) (string, error) { return b.objects.Path(key) }

func newSimulation(t *testing.T, folder, dsn string, seed uint64) *simulation {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 20)) // repeatable on purpose
	w := &simulation{
		T: t, random: r, folder: folder, dsn: dsn, now: time.Now(), blocks: map[telemetry.BlockID]*simBlock{},
		read: map[string]map[simEvent]int{}, grows: r.IntN(2) == 0, local: r.IntN(2) == 0,
		maintain: Maintenance{
			PendingBytes: 1 << (8 + r.IntN(8)), MergeFiles: 2 + r.IntN(3), FileBytes: int64(1) << (14 + r.IntN(6)),
			QuarantineAfter: 3, RetryAfter: time.Duration(r.IntN(3)) * time.Second, renewEvery: time.Hour,
		},
	}
	var err error
	if w.objects, err = dir.Open(filepath.Join(folder, "objects")); err != nil {
		t.Fatal(err)
	}
	w.openCatalog()
	for i := range w.nodes {
		w.start(i)
	}
	return w
}

func (w *simulation) openCatalog() {
	var err error
	if w.db, err = catalog.Open(w.Context(), catalog.Options{DSN: w.dsn, Now: func() time.Time { return w.now }, Conns: 2}); err != nil {
		w.Fatal(err)
	}
	w.db.Interrupt(func(committed bool) error {
		if w.busy == nil {
			return nil
		}
		if err := w.busy.hit("commit", committed); err != nil {
			return fmt.Errorf("%w: %w", catalog.ErrUnavailable, err)
		}
		return nil
	})
}

// start starts a node on what the stores hold.
func (w *simulation) start(i int) {
	n := &node{number: i, world: w}
	n.bucket = &simBucket{objects: w.objects, node: n}
	var bucket objstore.Bucket = n.bucket
	switch {
	case w.local && w.grows:
		bucket = simLocalGrower{simGrower{n.bucket}, simLocal2{w.objects}}
	case w.local:
		bucket = simLocal{n.bucket}
	case w.grows:
		bucket = simGrower{n.bucket}
	}
	var err error
	n.Lake, err = Open(w.Context(), Options{
		Catalog: w.db, Objects: bucket, CacheDir: filepath.Join(w.folder, fmt.Sprintf("cache-%d", i)), Maintenance: w.maintain,
		Now: func() time.Time { return w.now }, CacheBytes: 1 << 20,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.nodes[i] = n
}

func (w *simulation) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if w.busy != nil {
		line = fmt.Sprintf("node %d: %s", w.busy.number, line)
	}
	w.steps = append(w.steps, line)
	if w.verbose {
		w.Log(line)
	}
}

func (w *simulation) run() {
	defer w.close()
	for range 16 + w.random.IntN(24) {
		w.step(w.nodes[w.random.IntN(len(w.nodes))], true)
		w.check(nil)
		if w.Failed() {
			return
		}
	}
	w.settle()
}

func (w *simulation) close() {
	w.drop()
	for _, n := range w.nodes {
		n.mu.Lock()
		n.dead = false
		n.mu.Unlock()
		if err := n.Close(); err != nil {
			w.Error(err)
		}
	}
	if err := w.db.Close(); err != nil {
		w.Error(err)
	}
	if err := os.RemoveAll(w.folder); err != nil {
		w.Error(err)
	}
}

// step does one thing on n, perhaps with a failure in it.
func (w *simulation) step(n *node, faults bool) {
	before := w.busy
	w.busy = n
	defer func() { w.busy = before }()
	n.touched = false
	if faults && w.random.IntN(3) == 0 {
		ops := []string{"put", "put file", "get", "delete", "commit", "commit"}
		n.plan = &simFault{
			op: ops[w.random.IntN(len(ops))], after: w.random.IntN(2) == 0, left: w.random.IntN(4), crash: w.random.IntN(3) == 0,
		}
	}
	var what string
	var err error
	switch k := w.random.IntN(24); {
	case k < 6:
		what, err = w.ingest(n)
	case k < 11:
		view := w.someView()
		what = "materialise " + string(view)
		_, err = n.materialise(w.Context(), view)
	case k < 15:
		what, err = w.merge(n)
	case k < 16:
		what, err = w.retire()
	case k < 17:
		what, err = "upgrade", n.upgradeAll(w.Context())
	case k < 18:
		w.age()
	case k < 19:
		what, err = "remove retired files", n.removeRetired(w.Context())
	case k < 20:
		what, err = "remove orphans", n.removeOrphans(w.Context())
	case k < 21:
		d := []time.Duration{time.Second, time.Minute, 6 * time.Minute, 40 * time.Minute, 8 * time.Hour, 9 * 24 * time.Hour}[w.random.IntN(6)]
		w.now = w.now.Add(d)
		w.say("%s pass", d)
	case k < 22:
		w.damage()
	case k < 23:
		w.hold(n)
	default:
		n.plan, n.touched, n.dead = nil, true, true
		what = "killed"
	}
	n.plan = nil
	if what != "" {
		w.say("%s: %v", what, err)
	}
	if err != nil && !n.touched {
		w.Errorf("node %d: %s failed without a cause: %v", n.number, what, err)
	}
	if n.dead {
		w.restart(n)
	}
}

// restart starts a node anew that has died. What it had claimed stays claimed.
func (w *simulation) restart(n *node) {
	w.say("dies and is started anew")
	if w.held != nil && w.held.node == n {
		w.drop()
	}
	_ = n.Close() // its stores do nothing any more
	w.start(n.number)
}

// meanwhile lets the other node do something while n is working.
func (w *simulation) meanwhile(n *node) {
	if w.inside || n.dead || w.random.IntN(3) > 0 {
		return
	}
	w.inside = true
	defer func() { w.inside = false }()
	w.say("… meanwhile")
	other := w.nodes[1-n.number]
	for range 1 + w.random.IntN(3) {
		w.step(other, false)
		other = w.nodes[1-n.number] // it may have died
		w.check(other)
	}
	w.say("… goes on")
}

func (w *simulation) someView() catalog.View {
	return catalog.Views()[w.random.IntN(len(catalog.Views()))]
}

func (w *simulation) id() (id uuid.UUID) {
	binary.LittleEndian.PutUint64(id[:8], w.random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], w.random.Uint64())
	return id
}

// ingest sends a process, a stream, or a block: a new one, or one that was sent before.
func (w *simulation) ingest(n *node) (string, error) {
	if len(w.streams) == 0 || w.random.IntN(4) == 0 {
		w.newStream()
	}
	for _, s := range w.streams { // those that their blocks wait for, sometimes
		if !s.process.known && w.random.IntN(3) == 0 {
			err := n.InsertProcess(w.Context(), s.process.Process)
			s.process.known = s.process.known || err == nil || w.recorded(func(r *catalog.Reader) (int, error) {
				l, err := r.Processes(w.Context(), catalog.Filter{Process: s.process.ID})
				return len(l), err
			})
			if err != nil {
				return "process " + s.process.ID.String(), err
			}
		}
		if !s.known && w.random.IntN(3) == 0 {
			err := n.InsertStream(w.Context(), s.Stream)
			s.known = s.known || err == nil || w.recorded(func(r *catalog.Reader) (int, error) {
				l, err := r.Streams(w.Context(), catalog.Filter{Stream: s.ID})
				return len(l), err
			})
			if err != nil {
				return "stream " + s.ID.String(), err
			}
		}
	}
	b := w.someBlock()
	if _, ok := w.blocks[b.ID]; !ok {
		w.blocks[b.ID] = b
		w.order = append(w.order, b.ID)
	}
	err := n.Append(w.Context(), b.Block, b.payload)
	b.acked = b.acked || err == nil
	return fmt.Sprintf("block %s of stream %s, %v", b.ID, b.stream.ID, b.events), err
}

// recorded reports whether something is there although its insertion failed.
func (w *simulation) recorded(count func(*catalog.Reader) (int, error)) bool {
	var n int
	err := w.db.Read(w.Context(), func(r *catalog.Reader) (err error) {
		n, err = count(r)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return n > 0
}

func (w *simulation) newStream() {
	var p *simProcess
	if len(w.processes) > 0 && w.random.IntN(2) == 0 {
		p = w.processes[w.random.IntN(len(w.processes))]
	} else {
		p = &simProcess{Process: telemetry.Process{ID: telemetry.ProcessID(w.id()), TSCFrequency: 1e9, StartTime: 1e18}}
		w.processes = append(w.processes, p)
	}
	deps, objects := wire.LogLayouts()
	tag := telemetry.TagLog
	if w.random.IntN(2) == 0 {
		deps, objects = wire.MetricLayouts()
		tag = telemetry.TagMetrics
	}
	tags := []string{tag}
	if w.random.IntN(4) == 0 {
		tags = []string{telemetry.TagLog, telemetry.TagMetrics}
	}
	w.streams = append(w.streams, &simStream{process: p, Stream: telemetry.Stream{
		ID: telemetry.StreamID(w.id()), ProcessID: p.ID, DependenciesMetadata: deps.Encode(), ObjectsMetadata: objects.Encode(),
		Tags: tags, Properties: map[string]string{"kind": tag}, Format: telemetry.FormatNative,
	}})
}

func (w *simulation) someBlock() *simBlock {
	if len(w.order) > 0 && w.random.IntN(6) == 0 {
		return w.blocks[w.order[w.random.IntN(len(w.order))]]
	}
	s := w.streams[w.random.IntN(len(w.streams))]
	count := w.random.IntN(5)
	pad := ""
	if w.random.IntN(2) == 0 { // too large to live in the catalog
		pad = strings.Repeat("x", inlineBlock)
	}
	b := &simBlock{stream: s, events: map[catalog.View]int{}}
	at := telemetry.Ticks(w.random.Int64N(1e12))
	var n int32
	if s.Properties["kind"] == telemetry.TagLog {
		var builder wire.LogBuilder
		for i := range count {
			builder.Add(at+telemetry.Ticks(i), wire.LevelInfo, "target", strconv.Itoa(i)+pad, nil)
		}
		b.payload, n = builder.Finish()
		b.events[catalog.LogEntries] = count
	} else {
		var builder wire.MetricBuilder
		for i := range count {
			builder.Integer(at+telemetry.Ticks(i), &wire.MetricDesc{Name: fmt.Sprint("m", w.random.IntN(3)), Target: pad}, uint64(i), nil)
		}
		b.payload, n = builder.Finish()
		b.events[catalog.Measures] = count
	}
	b.Block = telemetry.Block{
		ID: telemetry.BlockID(w.id()), StreamID: s.ID, ProcessID: s.ProcessID, Objects: n, BeginTicks: at, EndTicks: at + 10,
		BeginTime: 1e18 + telemetry.Time(at), EndTime: 1e18 + telemetry.Time(at) + 10,
	}
	return b
}

func (w *simulation) merge(n *node) (string, error) {
	view := w.someView()
	level, err := n.mergeable(w.Context(), view, nil)
	if err != nil || level < 0 {
		return "nothing to merge", err
	}
	_, err = n.merge(w.Context(), view, level)
	return fmt.Sprintf("merge level %d of %s", level, view), err
}

func (w *simulation) live() (list []catalog.Partition) {
	view := w.someView()
	err := w.db.Read(w.Context(), func(r *catalog.Reader) (err error) {
		list, err = r.Partitions(w.Context(), view, catalog.Filter{})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *simulation) retire() (string, error) {
	live := w.live()
	if len(live) == 0 {
		return "", nil
	}
	p := live[w.random.IntN(len(live))]
	return "retire partition " + p.ID.String(), w.db.RetirePartitions(w.Context(), []catalog.PartitionID{p.ID})
}

// age replaces a partition by one that a program with an older form of log_entries would have written.
func (w *simulation) age() {
	live := w.live()
	if len(live) == 0 || live[0].View != catalog.LogEntries || live[0].Schema != logEntries.version {
		return
	}
	n := w.busy
	w.busy = nil
	defer func() { w.busy = n }()
	p := live[w.random.IntN(len(live))]
	path, err := w.objects.Path(p.File)
	if err != nil {
		w.Fatal(err)
	}
	old := olderForm(logEntries, w.random.IntN(2)-1, "audience")
	out, err := createFile(filepath.Join(w.folder, "aged"), old, lasting)
	if err != nil {
		w.Fatal(err)
	}
	in, err := openParquet(path)
	if err != nil {
		out.abandon()
		return
	}
	defer in.Close()
	reader, from, err := old.readOld(w.Context(), in)
	if err != nil {
		out.abandon()
		return
	}
	defer reader.Release()
	rows := newRows(old)
	for reader.Next() {
		old.appendOld(rows, reader.RecordBatch(), from)
	}
	if reader.Err() != nil || int64(rows.len()) != p.Rows {
		out.abandon()
		return
	}
	if err := out.write(rows); err != nil {
		w.Fatal(err)
	}
	size, err := out.close()
	if err != nil {
		w.Fatal(err)
	}
	next := p
	next.ID, next.Schema, next.Size, next.Checksum = w.id(), old.version, size, out.sum.sum
	next.File = fmt.Sprintf("%s%s/old/%s.parquet", viewPrefix, p.View, next.ID)
	owner := w.id()
	err = errors.Join(w.objects.PutFile(w.Context(), next.File, out.path), os.Remove(out.path),
		w.db.TakePartition(w.Context(), owner, p.ID, time.Minute, true),
		w.db.ReplacePartitions(w.Context(), owner, []catalog.PartitionID{p.ID}, next))
	if err != nil {
		w.Fatal(err)
	}
	w.say("partition %s becomes %s, of schema version %d", p.ID, next.ID, old.version)
}

// damage damages the file of a partition so that a query can see it.
func (w *simulation) damage() {
	live := w.live()
	if len(live) == 0 || w.held != nil {
		return
	}
	p := live[w.random.IntN(len(live))]
	path, err := w.objects.Path(p.File)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range w.nodes { // what they looked at before is theirs to believe
		n.sound = nameSet{}
	}
	delete(w.read, path)
	// The file is replaced: a cache may share its storage.
	how := w.random.IntN(3)
	data, err := os.ReadFile(path)
	if err != nil {
		return // it is damaged already
	}
	if err := os.Remove(path); err != nil {
		w.Fatal(err)
	}
	switch how {
	case 1:
		err = os.WriteFile(path, data[:len(data)/2], 0o600)
	case 2:
		err = os.WriteFile(path, make([]byte, len(data)), 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.say("partition %s is damaged (%d)", p.ID, how)
}

// hold begins a long query, or ends the one before.
func (w *simulation) hold(n *node) {
	w.drop()
	s, got := w.query(n)
	if s == nil {
		return
	}
	w.say("a long query begins")
	w.held = &heldSnapshot{node: n, snapshot: s, want: got, until: w.now.Add(n.maintain.KeepRetired)}
}

func (w *simulation) drop() {
	h := w.held
	w.held = nil
	if h == nil {
		return
	}
	if !w.now.After(h.until) {
		for i, t := range h.snapshot.Tables {
			if got := w.events(t, catalog.Views()[i], false); !maps.Equal(got, h.want[i]) {
				w.Errorf("a long query reads %d events of %s, at its beginning %d", len(got), catalog.Views()[i], len(h.want[i]))
			}
		}
	}
	h.snapshot.Close()
}

// query takes a snapshot of all views; nil when it failed for a reason.
func (w *simulation) query(n *node) (*Snapshot, []map[simEvent]int) {
	var scans []Scan
	for _, v := range catalog.Views() {
		scans = append(scans, Scan{View: string(v)})
	}
	s, err := n.Snapshot(w.Context(), scans)
	if err != nil {
		if !n.touched {
			w.Errorf("node %d: query: %v", n.number, err)
		}
		return nil, nil
	}
	if s.LeftOut != 0 {
		w.Errorf("node %d: %d blocks are left out", n.number, s.LeftOut)
	}
	var all []map[simEvent]int
	for i, t := range s.Tables {
		all = append(all, w.events(t, catalog.Views()[i], true))
	}
	return s, all
}

// check asks one of the nodes, or that one, and compares the answer with what was sent.
func (w *simulation) check(n *node) {
	if n == nil {
		n = w.nodes[w.random.IntN(len(w.nodes))]
	}
	before := w.busy
	w.busy = n
	defer func() { w.busy = before }()
	s, got := w.query(n)
	if s == nil {
		return
	}
	s.Close()
	for i, v := range catalog.Views() {
		for _, id := range w.order {
			b := w.blocks[id]
			want := 0
			if b.stream.known && b.stream.process.known && slices.Contains(catalog.Feeds(b.stream.Stream), v) {
				want = b.events[v]
			}
			found := 0
			for event := range want {
				key := simEvent{id.String(), strconv.Itoa(event)}
				switch got[i][key] {
				case 0:
				case 1:
					found++
				default:
					w.Errorf("node %d: %s has event %d of block %s %d times", n.number, v, event, id, got[i][key])
				}
				delete(got[i], key)
			}
			if found != want && (b.acked || found > 0) {
				w.Errorf("node %d: %s has %d of the %d events of block %s, acknowledged: %v", n.number, v, found, want, id, b.acked)
			}
		}
		if len(got[i]) > 0 {
			w.Errorf("node %d: %s has events that nobody sent: %v", n.number, v, got[i])
		}
	}
	if err := w.db.CheckCoverage(w.Context()); err != nil {
		w.Error(err)
	}
}

// events returns how often each event is in the files of t.
func (w *simulation) events(t *Table, v catalog.View, remember bool) map[simEvent]int {
	all := map[simEvent]int{}
	for _, path := range t.Files {
		of, ok := w.read[path]
		if !ok || !remember {
			of = w.eventsOf(path, v)
			w.read[path] = of
		}
		for e, n := range of {
			all[e] += n
		}
	}
	return all
}

func (w *simulation) eventsOf(path string, v catalog.View) map[simEvent]int {
	in, err := openParquet(path)
	if err != nil {
		w.Errorf("%v", err)
		return nil
	}
	defer in.Close()
	value := "msg"
	if v == catalog.Measures {
		value = "value"
	}
	columns := []int{in.MetaData().Schema.ColumnIndexByName("block_id"), in.MetaData().Schema.ColumnIndexByName(value)}
	r, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		w.Error(err)
		return nil
	}
	reader, err := r.GetRecordReader(w.Context(), columns, nil)
	if err != nil {
		w.Error(err)
		return nil
	}
	defer reader.Release()
	found := map[simEvent]int{}
	for reader.Next() {
		b := reader.RecordBatch()
		block := b.Column(b.Schema().FieldIndices("block_id")[0])
		event := b.Column(b.Schema().FieldIndices(value)[0])
		for row := range int(b.NumRows()) {
			found[simEvent{textAt(block, row), eventText(event, row)}]++
		}
	}
	if err := reader.Err(); err != nil {
		w.Errorf("%s: %v", path, err)
	}
	return found
}

func eventText(a arrow.Array, row int) string {
	if f, ok := a.(*array.Float64); ok {
		return strconv.Itoa(int(f.Value(row)))
	}
	return strings.TrimRight(textAt(a, row), "x")
}

// settle lets everything arrive that blocks wait for, and maintenance do all that there is: then nothing is pending.
func (w *simulation) settle() {
	n := w.nodes[0]
	w.inside = true // nothing else arrives
	for _, s := range w.streams {
		if err := errors.Join(n.InsertProcess(w.Context(), s.process.Process), n.InsertStream(w.Context(), s.Stream)); err != nil {
			w.Error(err)
		}
		s.known, s.process.known = true, true
	}
	w.check(nil)
	w.now = w.now.Add(time.Hour)
	for range 3 { // damage that is found needs another
		for _, each := range w.nodes { // a node may have copies of what is damaged
			w.check(each)
		}
		if err := n.Settle(w.Context()); err != nil {
			w.Errorf("settle: %v", err)
		}
		w.now = w.now.Add(time.Hour)
	}
	w.check(nil)
	err := w.db.Read(w.Context(), func(r *catalog.Reader) error {
		counts, err := r.PendingCounts(w.Context())
		for v, c := range counts {
			if c.Pending > 0 {
				list, err := r.Pending(w.Context(), v, catalog.Filter{})
				w.Errorf("%d blocks of %s are pending at the end, %d for readers, %v", c.Pending, v, len(list), err)
				for i := range list {
					w.Errorf("%s of stream %s, attempts %d, %s", list[i].Block.ID, list[i].Block.StreamID, list[i].Attempts, list[i].LastError)
				}
			}
		}
		return err
	})
	if err != nil {
		w.Error(err)
	}
}
