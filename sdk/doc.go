// Package sdk instruments Go programs: logs, metrics and spans for the price of reading the clock.
//
// One line in main sets everything up from the environment and delivers the rest at the end:
//
//	defer sdk.Start(sdk.Config{})()
//
// What a program records it declares once, in package variables:
//
//	var (
//		frameTime = sdk.Float("frame_time", "seconds")
//		frame     = sdk.Span("frame")
//		started   = sdk.NewMessage(sdk.LevelInfo, "started")
//		log       = sdk.NewLogger()
//	)
//
//	frameTime.Record(0.016)                         // metrics: any goroutine
//	started.Log()                                   // log entries with a constant text
//	log.Warn("slow frame", slog.Int("number", n))   // and with text of the moment
//	defer track.Begin(frame).End()                  // spans of one goroutine: they nest
//	ctx, span := sdk.StartSpan(ctx, frame)          // spans that cross goroutines
//	slog.SetDefault(slog.New(sdk.NewHandler()))     // log/slog
//
// Package functions use the default recorder, which [Start] makes. Without one they do nothing, in a nanosecond or two.
// A [Recorder] of one's own, for tests or several in one process, has the same as methods.
//
// # How it works
//
// An event is two to five words of 64 bits, written where its writer alone writes: in the lane of its track, or of the
// processor that the goroutine runs on. The writer reads the clock, stores the words and publishes them with one atomic
// store. There is no lock, nothing is allocated, and processors share no memory that they write.
//
// The flusher, one goroutine, reads all lanes, every FlushPeriod and whenever about a block was recorded, and gathers the
// events of each stream: one for log entries, one for metrics, one for spans without a track and one per track. What makes
// a block goes to the sink, at the latest with the next period. Blocks are encoded by the sink when their turn comes, so
// that one that is dropped has cost little. Each block repeats what its events refer to and can be read by itself.
//
// # What holds
//
//   - Recording never waits and never fails. Beyond BufferBytes events are lost, and counted: [Recorder.Losses], metrics
//     named telemetry_lost_…, and a line in the operator's log. Spans on tracks are lost with begin and end.
//   - Events of a track and of a processor are in order. Log entries are put in order of time, block by block.
//   - [Recorder.Flush] returns nil after the server has acknowledged everything recorded before it was called.
//   - Ticks on the wire are nanoseconds of the monotonic clock, whatever stamped the events, set on when the machine has
//     slept; see [Clock].
//
// # Locks
//
// Recorder.collecting guards the flusher's side: reading ends of lanes, outlets, the clock's stretches. It is taken for
// the length of one collection and never by what records. The pool's and the registries' mutexes are leaves. The sink is
// called with collecting held, which it must not need: sinks take blocks without waiting.
package sdk
