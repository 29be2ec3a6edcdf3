// Package sink delivers what an instrumented program records to an ingestion server, and never gets in the program's way.
//
//	o, err := sink.FromEnv(os.Getenv, nil)
//	s, err := sink.New(o)
//	defer s.Shutdown(ctx)
//	s.Process(body); s.Stream(id, body); s.Block(block)
//
// # What is kept, and what is given up
//
// Blocks wait in a queue that is bounded by bytes. Above Options.SoftBytes the oldest blocks of spans are dropped, above
// Options.HardBytes the oldest of everything. Records about processes and streams are small and never dropped. What is
// older than Options.MaxAge is dropped too, if that is set. Every block is in exactly one place of [Stats]: queued,
// spooled, sent, left for the next start, or lost, by kind and cause. Losses are told in the log, as sums.
//
// # Order
//
// Records go before what needs them, then logs, metrics, spans; within a kind the oldest first. The process's record is
// sent at once, a stream's before its first block. Several requests are under way at once, so that blocks may overtake each
// other; the server puts them in order.
//
// Records are remembered. A failure that may mean that the server was restarted, or that another one answers now, begins a
// new epoch: each record is sent again before the next block that needs it. So it is when the server answers to a block
// that it does not know its stream (404, 409, 412, 424).
//
// # Answers
//
//	2xx                  taken
//	401, 403, 407        the credential: the decorator renews it, one more attempt at once, then the sink holds (see below).
//	                     A process or stream that is forbidden while others are taken waits alone
//	3xx, 404, 405        the address: hold. Redirects are not followed, they would carry the credential elsewhere
//	408, 425, 429        busy: wait, as long as Retry-After says
//	502, 503, 504        away: wait, as long as Retry-After says
//	other 5xx            may be about this request alone: it waits, and three in a row count as away
//	no answer            away
//	413                  too large: the block is sent in two halves, see split.go, and they again; one event is dropped
//	other 4xx            this request will never be taken: dropped and counted
//
// A block that fails ten times while others are taken is given up, unless the server says itself that it is away.
//
// # Waiting
//
// Delays double from RetryPolicy.First to RetryPolicy.Max, each at random between half and all of it. While the server is
// away one request at a time finds out whether it is back; everything else waits in the queue and holds no connection.
// While somebody waits in Flush or Shutdown, attempts are at most a second apart. Held means that somebody has to change
// something: the sink keeps what it has, tries again each minute, and says so each time.
//
// A retry sends the same id and the same bytes: the server stores a block once. The halves of a block have ids that follow
// from its own.
//
// # Spool
//
// With a spool, blocks go to files when the server has been away for five seconds, when there is more than
// Options.SoftBytes, and when Shutdown has to end. A file holds a block and the records that it needs, see spoolfile.go;
// whichever program finds it sends it. A process that is killed while the server is there loses what it has in memory.
//
// # Locks and goroutines
//
// One mutex guards the queue, the records, the gate and the counts. It is not held during encoding, requests, files, the
// log or calls into the program. One loop decides what to do next and starts a goroutine for it; Shutdown waits for all.
package sink
