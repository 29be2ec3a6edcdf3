package sdk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Sink is where a recorder delivers: [sink.Sink], or a program's own. If it has a method EndStream(telemetry.StreamID), it
// is told after the last block of a stream.
type Sink interface {
	// Process takes the body of an insert_process request.
	Process(body []byte)
	// Stream takes the body of an insert_stream request.
	Stream(id telemetry.StreamID, body []byte)
	// Block takes a block of a stream that was announced.
	Block(b sink.Block)
	// Flush waits until what was taken is stored, or ctx ends.
	Flush(ctx context.Context) error
	// Shutdown is the last call; it flushes and gives back what the sink holds.
	Shutdown(ctx context.Context) error
}

// streamEnder is a [Sink] that wants to know when a stream has had its last block, as a track's has when it is closed:
// programs may open and close very many.
type streamEnder interface {
	EndStream(id telemetry.StreamID)
}

// Options of [New]. The zero value of each field means its default.
type Options struct {
	// Process describes this run of the program. A missing id is made up; its clock is filled in.
	Process telemetry.Process
	// Sink gets what is recorded; nil records nothing, and log entries reach the console only.
	Sink Sink

	// Clock says what events are stamped with.
	Clock Clock
	// FlushPeriod is how long events wait at most before they are handed to the sink; 0 means 60s.
	FlushPeriod time.Duration
	// BlockBytes is the size at which a block is handed to the sink before that, in memory; 0 means 1 MiB.
	BlockBytes int
	// BufferBytes bounds the memory of events that are not yet handed to the sink; 0 means 64 MiB. Beyond it events are
	// lost, and counted. It is at least 128 KiB for each processor; half a KiB for each open track comes on top.
	BufferBytes int

	// SystemMetrics measures machine, process and Go runtime every second.
	SystemMetrics bool

	// NoSpans turns spans off: beginning and ending them does nothing.
	NoSpans bool

	// Level is the maximum of what is sent; 0 means LevelDebug. See [Recorder.RemoteLevels].
	Level Level
	// Console gets a line for each log entry up to ConsoleLevel; nil means none. What it logs itself while it writes is not
	// shown again. It must not wait for another goroutine that logs.
	Console io.Writer
	// ConsoleLevel is the maximum of what is shown; 0 means LevelInfo. See [Recorder.ConsoleLevels].
	ConsoleLevel Level

	// Log gets what operators should know about recording itself; nil writes to standard error. It must not lead back
	// into this recorder.
	Log *slog.Logger
}

const (
	defaultFlushPeriod = 60 * time.Second
	defaultBlockBytes  = 1 << 20
	defaultBufferBytes = 64 << 20
)

// Recorder records the events of a process and hands them to a sink in blocks. All its methods may be called by any
// goroutine. A program needs one, which [Start] makes; tests may make as many as they like.
type Recorder struct {
	clock   *clock
	process telemetry.Process
	sink    Sink
	log     *slog.Logger
	noSpans bool
	console console
	levels  levelTable
	pool    pool
	period  time.Duration
	block   int // words

	closed   atomic.Bool
	shards   atomic.Pointer[[]*shard]
	shardsMu sync.Mutex
	spanIDs  atomic.Uint64 // of the process; given out in ranges
	tracks   tracks

	words    atomic.Int64  // in chunks that were linked since the last collection
	wakes    chan struct{} // capacity 1: collect now
	stop     context.CancelFunc
	flushing sync.WaitGroup // the flusher, and what measures
	measured chan struct{}  // the first of what is measured is recorded; nil when nothing is
	shutdown sync.Once
	done     chan struct{} // shutdown has ended
	ended    error         // of shutdown

	collecting sync.Mutex // guards the readers' ends of the lanes, the clock's stretches and what follows
	logs       *outlet
	metrics    *outlet
	async      *outlet
	held       int           // words in outlets
	spare      chan []uint64 // buffers of blocks to use again
	losses     losses
}

// New makes a recorder and starts it. [Recorder.Shutdown] ends it.
func New(o Options) (*Recorder, error) {
	r := &Recorder{
		clock: newClock(o.Clock), process: o.Process, sink: o.Sink, log: o.Log, noSpans: o.NoSpans,
		console: console{w: o.Console}, period: o.FlushPeriod, block: o.BlockBytes / 8, wakes: make(chan struct{}, 1), spare: make(chan []uint64, 4),
		done: make(chan struct{}),
	}
	if o.FlushPeriod < 0 || o.BlockBytes < 0 || o.BufferBytes < 0 {
		return nil, errors.New("sdk: FlushPeriod, BlockBytes and BufferBytes must not be negative")
	}
	if r.period == 0 {
		r.period = defaultFlushPeriod
	}
	if r.block == 0 {
		r.block = defaultBlockBytes / 8
	}
	if r.pool.budget = int64(o.BufferBytes / 8); r.pool.budget == 0 {
		r.pool.budget = defaultBufferBytes / 8
	}
	if r.log == nil {
		r.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	r.setLevels(o)
	r.shards.Store(&[]*shard{})
	r.describe()
	if r.sink == nil {
		r.closed.Store(true)
		r.stop = func() {}
		return r, nil
	}
	r.addShards(firstShards())
	r.sink.Process(wire.EncodeProcess(r.process))
	r.logs = r.newOutlet(sink.Logs, nil)
	r.metrics = r.newOutlet(sink.Metrics, nil)
	r.async = r.newOutlet(sink.Spans, map[string]string{"thread-name": asyncThread})

	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.flushing.Go(func() { r.run(ctx) })
	if o.SystemMetrics {
		r.measured = make(chan struct{})
		r.flushing.Go(func() { r.measure(ctx) })
	}
	return r, nil
}

// asyncThread is the name of the stream for spans that belong to no track.
const asyncThread = "goroutines"

func (r *Recorder) setLevels(o Options) {
	usual := func(option, otherwise Level) rules {
		if option == LevelOff {
			option = otherwise
		}
		return rules{usual: option, max: option}
	}
	r.levels.remote, r.levels.console = usual(o.Level, LevelDebug), usual(o.ConsoleLevel, LevelInfo)
	if o.Sink == nil {
		r.levels.noRemote = true
	}
	if o.Console == nil {
		r.levels.noConsole = true
	}
	r.levels.mu.Lock()
	defer r.levels.mu.Unlock()
	r.levels.decideLocked()
}

// describe fills in what the recorder knows about the process.
func (r *Recorder) describe() {
	if r.process.ID.IsZero() {
		r.process.ID = telemetry.ProcessID(newID())
	}
	p := &r.process
	for _, text := range []*string{&p.Exe, &p.Username, &p.Realname, &p.Computer, &p.Distro, &p.CPUBrand} {
		*text = clean(*text)
	}
	properties := make(map[string]string, len(p.Properties))
	for name, value := range p.Properties {
		properties[clean(name)] = clean(value)
	}
	p.Properties = properties
	r.process.TSCFrequency = ticksPerSecond
	r.process.StartTime = r.clock.startTime()
	r.process.StartTicks = 0
}

// clean makes a text that every server takes: valid UTF-8 without NUL.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

// newID returns a random UUID, RFC 9562 section 5.4.
func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ProcessID identifies this run of the program.
func (r *Recorder) ProcessID() telemetry.ProcessID { return r.process.ID }

// RemoteLevels decides which log entries are sent.
func (r *Recorder) RemoteLevels() Levels { return Levels{&r.levels, &r.levels.remote} }

// ConsoleLevels decides which log entries are shown on the console.
func (r *Recorder) ConsoleLevels() Levels { return Levels{&r.levels, &r.levels.console} }

// off reports whether nothing is recorded: there is no sink, or it was shut down.
func (r *Recorder) off() bool { return r.closed.Load() }

// chunk returns a chunk to extend a lane with, or nil when there is no memory for it, and wakes the flusher in time.
func (r *Recorder) chunk(n int) *chunk {
	if r.off() {
		return nil
	}
	c := r.pool.get(n)
	if c == nil || r.words.Add(int64(n)) >= int64(r.block) {
		select {
		case r.wakes <- struct{}{}:
		default:
		}
	}
	return c
}

// run collects from time to time until ctx ends.
func (r *Recorder) run(ctx context.Context) {
	tick, watch := time.NewTicker(r.period), time.NewTicker(time.Second)
	defer tick.Stop()
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.collectSafely(true)
		case <-r.wakes:
			r.collectSafely(false)
		case <-watch.C:
			if r.clock.slept() { // what follows is not to be taken for earlier
				r.collectSafely(false)
			}
		}
	}
}

// collectSafely is collect where nobody else could stop a panic of the sink's: it costs a block, not the program.
func (r *Recorder) collectSafely(all bool) {
	defer func() {
		if v := recover(); v != nil {
			r.log.Error("events lost: the sink panicked", "panic", v)
		}
	}()
	r.collect(all)
}

// Flush hands everything recorded so far to the sink and waits until it is stored, or ctx ends. Once Shutdown was called,
// it waits for that and returns the same.
func (r *Recorder) Flush(ctx context.Context) error {
	if r.sink == nil {
		return nil
	}
	if r.off() {
		select {
		case <-r.done:
			return r.ended
		case <-ctx.Done():
			return fmt.Errorf("the recorder is being shut down: %w", ctx.Err())
		}
	}
	r.collect(true)
	return r.sink.Flush(ctx)
}

// Shutdown ends recording, delivers what was recorded as far as ctx permits, and ends the sink. Events after it are
// ignored. A second call waits for the first and returns the same.
func (r *Recorder) Shutdown(ctx context.Context) error {
	r.shutdown.Do(func() {
		defer close(r.done)
		if r.measured != nil {
			<-r.measured // a program may end before that goroutine has begun
		}
		if r.closed.Swap(true) {
			return
		}
		r.stop()
		r.flushing.Wait()
		r.collect(true)
		r.ended = r.sink.Shutdown(ctx)
	})
	return r.ended
}
