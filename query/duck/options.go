package duck

import (
	"log/slog"
	"runtime"
)

// Options are the limits of the engine. The zero value works.
type Options struct {
	MemoryLimit   int64        // bytes that all queries together may use; 0 means 4 GiB
	ProcessLimit  int64        // bytes that the process may have in memory; 0 means what the machine and its control groups leave
	MaxConcurrent int          // queries that run at the same time; 0 means 4
	MaxWaiting    int          // queries that may wait for their turn; 0 means 16 × MaxConcurrent
	CallerRunning int          // queries of one caller that run at the same time; 0 means all slots but one
	CallerWaiting int          // queries of one caller that may wait; 0 means half of MaxWaiting
	Threads       int          // of one query; 0 means all processors
	TempDir       string       // for what does not fit into memory; "" means a new folder under the system's
	SpillLimit    int64        // bytes that one query may spill; 0 means 8 GiB
	Warm          int          // instances kept ready; 0 means MaxConcurrent
	Log           *slog.Logger // nil discards
}

func (o Options) withDefaults() Options {
	if o.MemoryLimit <= 0 {
		o.MemoryLimit = 4 << 30
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 4
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 16 * o.MaxConcurrent
	}
	if o.CallerRunning <= 0 {
		o.CallerRunning = max(o.MaxConcurrent-1, 1)
	}
	if o.CallerWaiting <= 0 {
		o.CallerWaiting = max(o.MaxWaiting/2, 1)
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.SpillLimit <= 0 {
		o.SpillLimit = 8 << 30
	}
	if o.Warm <= 0 {
		o.Warm = o.MaxConcurrent
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// statementLimit is what one query may hold in all: its share of the memory, within which DuckDB spills, and beyond it what DuckDB
// doesn't count: the values of expressions, the states of aggregates, and rows on their way out.
func (o Options) statementLimit() int64 {
	share := o.MemoryLimit / int64(o.MaxConcurrent)
	return share + max(share/2, int64(o.Threads+2)*valuesPerThread)
}

// valuesPerThread is what a thread may hold of the values of expressions without having to ask whether the query's share is
// larger: some vectors of 2048 rows of wide texts.
const valuesPerThread = 32 << 20
