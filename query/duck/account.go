package duck

/*
#include "memory.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// account is what an instance has allocated; see memory_linux.c. On other systems it stays empty and refuses nothing.
type account struct {
	c *C.mm_account

	mu      sync.Mutex
	workers *C.mm_workers // nil before work and after rest
	timer   *time.Timer
}

// giveWayAfter is how long a statement's threads have the priority of everybody else's. The thread that calls DuckDB keeps it: it is
// Go's, and goes on to other work.
const giveWayAfter = 500 * time.Millisecond

func newAccount(limit int64) *account { return &account{c: C.mm_account_new(C.int64_t(limit))} }

// within runs f, which calls DuckDB, and charges to the account what the calls allocate.
func (a *account) within(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := C.mm_enter(a.c)
	defer C.mm_enter(before)
	f()
}

// loosely runs f within the account, of whose small blocks others free those that remain.
func (*account) loosely(f func()) {
	C.mm_loose(1)
	defer C.mm_loose(0)
	f()
}

// work gives the database threads that charge to the account.
func (a *account) work(database unsafe.Pointer, threads int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.workers = C.mm_workers_start(database, C.int(threads), a.c)
	a.timer = time.AfterFunc(giveWayAfter, a.giveWay)
}

// giveWay lets short statements go before this one.
func (a *account) giveWay() {
	a.mu.Lock()
	defer a.mu.Unlock()
	C.mm_workers_give_way(a.workers)
}

// rest ends the threads.
func (a *account) rest() {
	a.mu.Lock()
	workers := a.workers
	a.workers = nil
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	C.mm_workers_stop(workers)
}

func (a *account) used() int64 { return int64(C.mm_account_used(a.c)) }

func (a *account) peak() int64 { return int64(C.mm_account_peak(a.c)) }

// refused reports whether the account has come to its limit.
func (a *account) refused() bool { return C.mm_account_refused(a.c) > 0 }

// close lets go of the account. Blocks that are still in use keep it alive.
func (a *account) close() {
	C.mm_account_free(a.c)
	a.c = nil
}

// accountsTotal is what all accounts hold.
func accountsTotal() int64 { return int64(C.mm_total()) }

// setPool bounds what all accounts hold together.
func setPool(limit int64) { C.mm_set_pool(C.int64_t(limit)) }

// trimMemory gives memory that the C library keeps for later back to the operating system.
func trimMemory() { C.mm_trim() }
