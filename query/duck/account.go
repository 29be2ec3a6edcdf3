package duck

/*
#include "memory.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// account is what an instance has allocated; see memory_linux.c. On other systems it stays empty and refuses nothing.
type account struct {
	c       *C.mm_account
	workers *C.mm_workers
}

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
	a.workers = C.mm_workers_start(database, C.int(threads), a.c)
}

// rest ends the threads.
func (a *account) rest() {
	C.mm_workers_stop(a.workers)
	a.workers = nil
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
