package duck

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// guard keeps the process within the memory that there is, whatever the limits of single queries add up to. While queries run, it
// looks at what the machine, the control groups and the process itself still have room for. That bounds what all accounts may hold
// together: when it is used up, allocations of those fail that hold more than their share of it (memory_linux.c). When there is
// no room at all, because of others or because nothing is allocated any more, the query that holds the most is ended.
type guard struct {
	host  host
	own   int64 // bytes that the process may have; 0 means what the others leave
	log   *slog.Logger
	watch chan struct{} // a token when the first query has come

	mu       sync.Mutex
	sessions map[*session]struct{}
	short    int       // looks in a row without room
	trimmed  time.Time // when memory was last given back
}

const (
	// lookEvery is how often the guard looks. A processor writes to new memory at some hundred megabytes in that time.
	lookEvery = 50 * time.Millisecond
	// shortLooks are the looks in a row without room after which a query is ended: giving memory back takes one or two.
	shortLooks = 4
	// smallShare is what a query may hold however short memory is, so that small ones are answered.
	smallShare = 64 << 20
	// trimEvery bounds how often memory is given back, which stops other threads' allocations for some milliseconds.
	trimEvery = time.Second
)

func newGuard(o Options) *guard {
	return &guard{
		host: host{os.DirFS("/")}, own: o.ProcessLimit, log: o.Log, watch: make(chan struct{}, 1), sessions: map[*session]struct{}{},
	}
}

// run looks while there are queries, until ctx ends.
func (g *guard) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	defer setPool(0)
	for {
		if g.queries() == 0 {
			tick.Stop()
			select {
			case <-ctx.Done():
				return
			case <-g.watch:
			}
			tick.Reset(lookEvery)
		}
		g.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (g *guard) queries() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sessions)
}

func (g *guard) enter(s *session) {
	g.mu.Lock()
	g.sessions[s] = struct{}{}
	g.mu.Unlock()
	select {
	case g.watch <- struct{}{}:
	default:
	}
}

// moved gives the session another instance.
func (g *guard) moved(s *session, to *instance) {
	g.mu.Lock()
	s.instance = to
	g.mu.Unlock()
}

func (g *guard) leave(s *session) {
	g.mu.Lock()
	delete(g.sessions, s)
	g.mu.Unlock()
}

// look sets the bound of all accounts, and ends a query if memory stays short.
func (g *guard) look(ctx context.Context) {
	room, held := g.host.headroom(g.own), accountsTotal()
	g.mu.Lock()
	defer g.mu.Unlock()
	if room >= 1<<50 { // nothing is known
		return
	}
	setPool(max(held+room, int64(len(g.sessions))*smallShare, smallShare))
	if room >= 0 {
		g.short = 0
		return
	}
	g.trimLocked()
	if g.short++; g.short < shortLooks {
		return
	}
	var most *session
	var used int64 = smallShare
	for s := range g.sessions {
		if u := s.instance.account.used(); u > used {
			most, used = s, u
		}
	}
	if most == nil {
		if g.short == shortLooks {
			g.log.WarnContext(ctx, "memory is short, and no query is to blame", "missing_bytes", -room, "queries_bytes", held)
		}
		return
	}
	g.short = 0
	if most.evict(&fault.Error{
		Kind: fault.Exhausted,
		Msg:  fmt.Sprintf("the server is short of memory, and of all queries this one held the most, %d MiB", used>>20),
		Fix:  "narrow the time range, select fewer columns, or aggregate more; or ask again later",
	}) {
		g.log.WarnContext(ctx, "query ended: memory is short", "caller", most.caller, "used_bytes", used, "missing_bytes", -room)
	}
}

// trimLocked gives back what the allocators of C and Go keep for later.
func (g *guard) trimLocked() {
	if time.Since(g.trimmed) < trimEvery {
		return
	}
	g.trimmed = time.Now()
	trimMemory()
	debug.FreeOSMemory()
}

// trim gives back what a query has left that held so much.
func (g *guard) trim(peak int64) {
	if peak < smallShare {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trimmed = time.Now()
	trimMemory()
}
