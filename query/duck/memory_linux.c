//go:build linux && (amd64 || arm64) && !duckdb_use_lib && !duckdb_use_static_lib

// DuckDB's memory limit is about what it keeps: tables, hash tables, sorted runs. The values of an expression, the states of
// aggregates, plans and rows on their way out are allocated past it, with the allocator that it brings (jemalloc), with malloc and
// with operator new. So all of them are looked at here: the linker sends the calls of malloc, calloc, realloc and free, and of
// jemalloc's, in everything that is linked statically, which is all of DuckDB, to __wrap_malloc and its like (--wrap, see
// account_linux.go), and operator new and delete are replaced for the whole process, as the C++ standard permits. Memory comes from
// where it came from before; what is added is the account.
//
// An account belongs to an instance. A thread charges to the account that it has entered: the one that calls DuckDB, for the
// time of the call, and the instance's workers, always. Threads that have entered none charge to nobody: the rest of the program.
//
//   small blocks   are added up in the thread, and moved to the account when that makes KEEP bytes. They are charged to and
//                  given back by the account that the thread has entered, so that freeing costs an addition.
//   large blocks   of LARGE bytes or more have an entry in a table with the account that they belong to, whoever frees them.
//
// An allocation that would bring an account over its limit is refused: malloc returns NULL, operator new throws bad_alloc, as
// they do when the machine has no more. DuckDB makes of either an error of the statement that it is computing, gives back what
// that holds, and goes on. malloc refuses large blocks only, since not every caller of it looks at what it gets; operator new also refuses a
// small one when KEEP is full, but none while an exception is on its way (a second one would end the process).
//
// The pool bounds what all accounts hold together. When it is full, those are refused that hold more than their share of
// it, which is the same for every account that has entered; so somebody's small statement goes on beside a large one.
//
// Memory that was allocated outside of accounts and freed within makes an account look smaller, and the other way round
// larger. Both are small: an instance is opened, used and closed within its account.

#include "memory.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LARGE (64 << 10)
#define KEEP (256 << 10)

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__real_duckdb_je_malloc(size_t size);
void *__real_duckdb_je_realloc(void *p, size_t size);
void __real_duckdb_je_free(void *p);
extern size_t duckdb_je_malloc_usable_size(const void *p);

struct mm_account {
	_Atomic int64_t used, peak, refused, references;
	int64_t limit;
};

static _Atomic int64_t total, pool, accounts;

static __thread struct {
	mm_account *account;
	int64_t kept; // charged by this thread and not yet moved to the account
	int shield, loose;
	int fill; // blocks of jemalloc's that are to be filled; see AGGREGATE
} self;

// DuckDB 1.5 has one place where an exception must not be thrown: list_aggregate makes the states of its rows one by one, and when
// that ends early, it destroys all of them, also those that were never made, through whatever is in memory where their addresses
// would be. So the vector of addresses, which is what it allocates next after a copy of its BoundAggregateExpression, of AGGREGATE
// bytes, is filled with the address of a state that is all zero, which every aggregate can destroy. TestExhaust has statements that
// crash should a version of DuckDB have another size.
#define AGGREGATE 512
#define VECTOR 16384 // bytes of a vector of 2048 addresses
static uint64_t zero_state[1 << 13];

// block is an entry of the table: a large block that is in use.
typedef struct block {
	void *p;
	int64_t size;
	mm_account *account;
	struct block *next;
} block;

#define BUCKETS (1 << 14)
#define LOCKS 64
static block *table[BUCKETS];
static pthread_mutex_t locks[LOCKS] = {[0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

static size_t bucket(void *p) { return ((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15u >> (64 - 14); }

static void unrefer(mm_account *a) {
	if (atomic_fetch_sub(&a->references, 1) == 1) {
		__real_free(a);
	}
}

// add moves bytes to the account and returns what it holds then.
static int64_t add(mm_account *a, int64_t bytes) {
	int64_t used = atomic_fetch_add_explicit(&a->used, bytes, memory_order_relaxed) + bytes;
	atomic_fetch_add_explicit(&total, bytes, memory_order_relaxed);
	for (int64_t peak = atomic_load_explicit(&a->peak, memory_order_relaxed);
		used > peak && !atomic_compare_exchange_weak_explicit(&a->peak, &peak, used, memory_order_relaxed, memory_order_relaxed);) {
	}
	return used;
}

// over reports whether the account must not hold so much.
static int over(mm_account *a, int64_t used, int64_t more) {
	if (used > a->limit) {
		return 1;
	}
	int64_t bound = atomic_load_explicit(&pool, memory_order_relaxed);
	if (bound == 0 || atomic_load_explicit(&total, memory_order_relaxed) + more <= bound) {
		return 0;
	}
	int64_t sharers = atomic_load_explicit(&accounts, memory_order_relaxed);
	return used > bound / (sharers > 1 ? sharers : 1);
}

extern _Bool _ZSt18uncaught_exceptionv(void); // std::uncaught_exception()

static int refused(mm_account *a) {
	if (self.shield > 0 || _ZSt18uncaught_exceptionv()) {
		return 0;
	}
	atomic_fetch_add_explicit(&a->refused, 1, memory_order_relaxed);
	return 1;
}

// refuse_large reports whether a block of size bytes is not to be had.
static int refuse_large(size_t size) {
	mm_account *a = self.account;
	if (!a || size < LARGE) {
		return 0;
	}
	int64_t more = size < INT64_MAX / 2 ? (int64_t)size : INT64_MAX / 2;
	return over(a, atomic_load_explicit(&a->used, memory_order_relaxed) + more, more) && refused(a);
}

static void keep(mm_account *a, int64_t bytes) {
	self.kept += bytes;
	if (self.kept >= KEEP || self.kept <= -KEEP) {
		int64_t kept = self.kept;
		self.kept = 0;
		add(a, kept);
	}
}

// charge enters a new block.
static void charge(void *p, int64_t size) {
	mm_account *a = self.account;
	if (!a || !p) {
		return;
	}
	if (size < LARGE) {
		if (!self.loose) {
			keep(a, size);
		}
		return;
	}
	block *b = __real_malloc(sizeof(block));
	if (!b) {
		return;
	}
	*b = (block){p, size, a, NULL};
	atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
	add(a, size);
	size_t n = bucket(p);
	pthread_mutex_lock(&locks[n % LOCKS]);
	b->next = table[n];
	table[n] = b;
	pthread_mutex_unlock(&locks[n % LOCKS]);
}

// credit gives a block back that is about to be freed.
static void credit(void *p, int64_t size) {
	if (size < LARGE) {
		if (self.account && !self.loose) {
			keep(self.account, -size);
		}
		return;
	}
	size_t n = bucket(p);
	pthread_mutex_lock(&locks[n % LOCKS]);
	block **at = &table[n], *b;
	while ((b = *at) && b->p != p) {
		at = &b->next;
	}
	if (b) {
		*at = b->next;
	}
	pthread_mutex_unlock(&locks[n % LOCKS]);
	if (b) {
		add(b->account, -b->size);
		unrefer(b->account);
		__real_free(b);
	}
}

#define SIZE(p) ((p) ? (int64_t)malloc_usable_size(p) : 0)
#define JE_SIZE(p) ((p) ? (int64_t)duckdb_je_malloc_usable_size(p) : 0)

void *__wrap_malloc(size_t size) {
	if (refuse_large(size)) {
		errno = ENOMEM;
		return NULL;
	}
	void *p = __real_malloc(size);
	charge(p, SIZE(p));
	return p;
}

void *__wrap_duckdb_je_malloc(size_t size) {
	if (refuse_large(size)) {
		return NULL;
	}
	void *p = __real_duckdb_je_malloc(size);
	charge(p, JE_SIZE(p));
	if (self.fill && p) {
		self.fill--;
		for (size_t i = 0; size <= VECTOR && i < size / sizeof(void *); i++) {
			((void **)p)[i] = zero_state;
		}
	}
	return p;
}

void *__wrap_calloc(size_t count, size_t size) {
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || refuse_large(bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	void *p = __real_calloc(count, size);
	charge(p, SIZE(p));
	return p;
}

// A block that grows is given back before others can have its address, and charged anew; also when it stays, as it does when there
// is no more.

void *__wrap_realloc(void *p, size_t size) {
	if (refuse_large(size)) {
		errno = ENOMEM;
		return NULL;
	}
	credit(p, SIZE(p));
	void *moved = __real_realloc(p, size);
	void *has = moved || size == 0 ? moved : p;
	charge(has, SIZE(has));
	return moved;
}

void *__wrap_duckdb_je_realloc(void *p, size_t size) {
	if (refuse_large(size)) {
		return NULL;
	}
	credit(p, JE_SIZE(p));
	void *moved = __real_duckdb_je_realloc(p, size);
	void *has = moved || size == 0 ? moved : p;
	charge(has, JE_SIZE(has));
	return moved;
}

void __wrap_free(void *p) {
	credit(p, SIZE(p));
	__real_free(p);
}

void __wrap_duckdb_je_free(void *p) {
	credit(p, JE_SIZE(p));
	__real_duckdb_je_free(p);
}

extern void _ZSt17__throw_bad_allocv(void) __attribute__((noreturn)); // std::__throw_bad_alloc()
typedef void (*new_handler)(void);
extern new_handler _ZSt15get_new_handlerv(void); // std::get_new_handler()

// refuse_new reports whether operator new is not to give size bytes.
static int refuse_new(size_t size) {
	mm_account *a = self.account;
	if (!a || size >= LARGE || self.loose || self.kept + (int64_t)size < KEEP) {
		return refuse_large(size);
	}
	int64_t kept = self.kept;
	self.kept = 0;
	return over(a, add(a, kept), 0) && refused(a);
}

static void *new_or_null(size_t size) {
	if (refuse_new(size)) {
		return NULL;
	}
	if (size == AGGREGATE && self.account) {
		self.fill = 2;
	}
	for (;;) {
		void *p = __real_malloc(size ? size : 1);
		if (p) {
			charge(p, SIZE(p));
			return p;
		}
		new_handler handler = _ZSt15get_new_handlerv();
		if (!handler) {
			return NULL;
		}
		handler();
	}
}

// operator new(size_t), and new[]
void *_Znwm(size_t size) {
	void *p = new_or_null(size);
	if (!p) {
		_ZSt17__throw_bad_allocv();
	}
	return p;
}

void *_Znam(size_t size) { return _Znwm(size); }

// the same with std::nothrow
void *_ZnwmRKSt9nothrow_t(size_t size, const void *nothrow) { return new_or_null(size); }
void *_ZnamRKSt9nothrow_t(size_t size, const void *nothrow) { return new_or_null(size); }

// operator delete(void *), delete[], and both with a size or std::nothrow
void _ZdlPv(void *p) { __wrap_free(p); }
void _ZdaPv(void *p) { __wrap_free(p); }
void _ZdlPvm(void *p, size_t size) { __wrap_free(p); }
void _ZdaPvm(void *p, size_t size) { __wrap_free(p); }
void _ZdlPvRKSt9nothrow_t(void *p, const void *nothrow) { __wrap_free(p); }
void _ZdaPvRKSt9nothrow_t(void *p, const void *nothrow) { __wrap_free(p); }

mm_account *mm_account_new(int64_t limit) {
	mm_account *a = __real_calloc(1, sizeof(mm_account));
	if (a) {
		a->limit = limit;
		atomic_store(&a->references, 1);
	}
	return a;
}

void mm_account_free(mm_account *a) {
	if (a) {
		unrefer(a);
	}
}

int64_t mm_account_used(mm_account *a) { return atomic_load(&a->used); }
int64_t mm_account_peak(mm_account *a) { return atomic_load(&a->peak); }
int64_t mm_account_refused(mm_account *a) { return atomic_load(&a->refused); }

mm_account *mm_enter(mm_account *a) {
	mm_account *before = self.account;
	if (before && self.kept) {
		add(before, self.kept);
	}
	self.kept = self.fill = 0;
	self.account = a;
	return before;
}

void mm_shield(int by) { self.shield += by; }
void mm_loose(int on) { self.loose = on; }

int64_t mm_total(void) { return atomic_load(&total); }

void mm_set_pool(int64_t limit) { atomic_store(&pool, limit); }

extern void _ZN6duckdb9Allocator8FlushAllEv(void); // duckdb::Allocator::FlushAll()

void mm_trim(void) {
	_ZN6duckdb9Allocator8FlushAllEv();
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

// The part of DuckDB's C interface for tasks, which the binding leaves out. See duckdb.h of the same version.
extern void *duckdb_create_task_state(void *database);
extern void duckdb_execute_tasks_state(void *state);
extern void duckdb_finish_execution(void *state);
extern void duckdb_destroy_task_state(void *state);

typedef struct worker {
	mm_workers *of;
	pthread_t thread;
	_Atomic pid_t id; // of the kernel; 0 until it runs
} worker;

struct mm_workers {
	mm_account *account;
	void *state;
	int count;
	worker workers[];
};

static void *work(void *this) {
	worker *k = this;
	atomic_store(&k->id, (pid_t)syscall(SYS_gettid));
	mm_enter(k->of->account);
	duckdb_execute_tasks_state(k->of->state);
	mm_enter(NULL);
	return NULL;
}

mm_workers *mm_workers_start(void *database, int count, mm_account *a) {
	mm_workers *w = __real_calloc(1, sizeof(mm_workers) + count * sizeof(worker));
	if (!w) {
		return NULL;
	}
	w->account = a;
	w->state = duckdb_create_task_state(database);
	atomic_fetch_add(&accounts, 1);
	for (; w->count < count; w->count++) {
		worker *k = &w->workers[w->count];
		k->of = w;
		if (pthread_create(&k->thread, NULL, work, k) != 0) {
			break; // fewer threads are slower, and no reason to fail
		}
	}
	return w;
}

void mm_workers_give_way(mm_workers *w) {
	for (int i = 0; w && i < w->count; i++) {
		pid_t id = atomic_load(&w->workers[i].id);
		if (id > 0) {
			setpriority(PRIO_PROCESS, (id_t)id, 10); // Linux takes it for the thread alone
		}
	}
}

void mm_workers_stop(mm_workers *w) {
	if (!w) {
		return;
	}
	duckdb_finish_execution(w->state);
	for (int i = 0; i < w->count; i++) {
		pthread_join(w->workers[i].thread, NULL);
	}
	duckdb_destroy_task_state(w->state);
	atomic_fetch_sub(&accounts, 1);
	__real_free(w);
}
