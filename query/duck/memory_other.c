//go:build !linux || !(amd64 || arm64) || duckdb_use_lib || duckdb_use_static_lib

#include "memory.h"

#include <stddef.h>

mm_account *mm_account_new(int64_t limit) { return NULL; }
void mm_account_free(mm_account *a) {}
int64_t mm_account_used(mm_account *a) { return 0; }
int64_t mm_account_peak(mm_account *a) { return 0; }
int64_t mm_account_refused(mm_account *a) { return 0; }
mm_account *mm_enter(mm_account *a) { return NULL; }
void mm_shield(int by) {}
void mm_loose(int on) {}
int64_t mm_total(void) { return 0; }
void mm_set_pool(int64_t limit) {}
void mm_trim(void) {}
mm_workers *mm_workers_start(void *database, int count, mm_account *a) { return NULL; }
void mm_workers_give_way(mm_workers *w) {}
void mm_workers_stop(mm_workers *w) {}
