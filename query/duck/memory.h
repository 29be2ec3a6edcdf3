// Accounts of memory: what the statements of one instance have allocated, and the bound of it. See memory_linux.c.
#ifndef MICROMEGAS_MEMORY_H
#define MICROMEGAS_MEMORY_H

#include <stdint.h>

typedef struct mm_account mm_account;
typedef struct mm_workers mm_workers;

// A new account that may hold limit bytes; mm_account_free gives it back, also while blocks of it are in use.
mm_account *mm_account_new(int64_t limit);
void mm_account_free(mm_account *a);

// What the account holds, has held at most, and how many allocations were refused.
int64_t mm_account_used(mm_account *a);
int64_t mm_account_peak(mm_account *a);
int64_t mm_account_refused(mm_account *a);

// mm_enter makes the calling thread charge to the account, NULL to none, and returns what it charged to before.
mm_account *mm_enter(mm_account *a);

// Between mm_shield(1) and mm_shield(-1) nothing is refused to the calling thread.
void mm_shield(int by);

// mm_loose(1): until mm_loose(0), blocks that the thread allocates will be freed by others, so that only large ones count.
void mm_loose(int on);

// What all accounts hold, and how much that may be; 0 means no bound.
int64_t mm_total(void);
void mm_set_pool(int64_t limit);

// mm_trim gives memory that is free back to the operating system.
void mm_trim(void);

// Threads that execute the tasks of a database and charge to the account. mm_workers_stop waits for them.
mm_workers *mm_workers_start(void *database, int count, mm_account *a);
void mm_workers_stop(mm_workers *w);

// mm_workers_give_way lets the threads run only where others leave processors idle, more or less.
void mm_workers_give_way(mm_workers *w);

#endif
