package duck

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The part of DuckDB's C interface for aggregates, which the binding leaves out. See duckdb.h of the same version.
typedef int (*registration)(void *, void *);
extern void *duckdb_create_aggregate_function(void);
extern void duckdb_destroy_aggregate_function(void **function);
extern void duckdb_aggregate_function_set_name(void *function, const char *name);
extern void duckdb_aggregate_function_add_parameter(void *function, void *type);
extern void duckdb_aggregate_function_set_return_type(void *function, void *type);
extern void duckdb_aggregate_function_set_functions(void *function, uint64_t (*size)(void *),
	void (*init)(void *, void *), void (*update)(void *, void *, void **), void (*combine)(void *, void **, void **, uint64_t),
	void (*finalize)(void *, void **, void *, uint64_t, uint64_t));
extern void duckdb_aggregate_function_set_destructor(void *function, void (*destroy)(void **, uint64_t));
extern void duckdb_aggregate_function_set_special_handling(void *function);
extern void duckdb_aggregate_function_set_extra_info(void *function, void *info, void (*destroy)(void *));
extern void *duckdb_aggregate_function_get_extra_info(void *info);
extern void duckdb_aggregate_function_set_error(void *info, const char *message);
extern int duckdb_register_aggregate_function(void *connection, void *function);

// In callback.c.
extern void mm_histogram_update(void *info, void *input, void **states);
extern void mm_histogram_combine(void *info, void **sources, void **targets, uint64_t count);
extern void mm_histogram_finalize(void *info, void **states, void *result, uint64_t count, uint64_t offset);

// histogramState is the state of make_histogram and of sum_histograms; histogramState in Go mirrors it.
typedef struct {
	double start, end, min, max, sum, sumSquares;
	uint64_t count, length;
	uint64_t *bins;    // NULL until there are bounds
	int64_t *budget;   // of the query; what bins holds has been taken from it
} histogramState;

// histogramInfo is what a function of one instance knows.
typedef struct {
	int64_t kind;
	int64_t *budget;
} histogramInfo;

static uint64_t histogramSize(void *info) { return sizeof(histogramState); }

static void histogramInit(void *info, void *state) { memset(state, 0, sizeof(histogramState)); }

static void histogramDestroy(void **states, uint64_t count) {
	for (uint64_t i = 0; i < count; i++) {
		histogramState *s = states[i];
		if (s->bins) {
			__atomic_add_fetch(s->budget, (int64_t)(s->length * sizeof(uint64_t)), __ATOMIC_RELAXED);
			free(s->bins);
			s->bins = NULL;
		}
	}
}

// histogramBins gives a state its bins. It fails when the query has no budget left for them.
static int histogramBins(histogramState *s, int64_t *budget, uint64_t length) {
	int64_t bytes = length * sizeof(uint64_t);
	if (__atomic_sub_fetch(budget, bytes, __ATOMIC_RELAXED) >= 0) {
		s->bins = calloc(length, sizeof(uint64_t));
	}
	if (!s->bins) {
		__atomic_add_fetch(budget, bytes, __ATOMIC_RELAXED);
		return 0;
	}
	s->budget = budget;
	s->length = length;
	return 1;
}

static void setHistogramFunctions(void *f) {
	duckdb_aggregate_function_set_functions(f, histogramSize, histogramInit, mm_histogram_update,
		mm_histogram_combine, mm_histogram_finalize);
	duckdb_aggregate_function_set_destructor(f, histogramDestroy);
	duckdb_aggregate_function_set_special_handling(f); // NULLs are the function's affair
}

static void setHistogramInfo(void *f, int64_t kind, int64_t *budget) {
	histogramInfo *info = malloc(sizeof(histogramInfo));
	info->kind = kind;
	info->budget = budget;
	duckdb_aggregate_function_set_extra_info(f, info, free);
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// aggregate is one of our aggregates.
type aggregate int

const (
	makeHistogram aggregate = iota
	sumHistograms
)

// registerAggregates makes the aggregates known to the connection's database. budget is in C's memory, outlives the
// database, and holds how many bytes the bins of its histograms may take.
func registerAggregates(conn bindings.Connection, budget unsafe.Pointer) error {
	for name, a := range map[string]struct {
		kind aggregate
		args []sqlType
	}{
		"make_histogram": {makeHistogram, []sqlType{typeFloat64, typeFloat64, typeFloat64, typeFloat64}},
		"sum_histograms": {sumHistograms, []sqlType{typeHistogram}},
	} {
		f := C.duckdb_create_aggregate_function()
		cName := C.CString(name)
		C.duckdb_aggregate_function_set_name(f, cName)
		C.free(unsafe.Pointer(cName))
		for _, t := range a.args {
			l := t.logical()
			C.duckdb_aggregate_function_add_parameter(f, l.Ptr)
			bindings.DestroyLogicalType(&l)
		}
		l := typeHistogram.logical()
		C.duckdb_aggregate_function_set_return_type(f, l.Ptr)
		bindings.DestroyLogicalType(&l)
		C.setHistogramFunctions(f)
		C.setHistogramInfo(f, C.int64_t(a.kind), (*C.int64_t)(budget))
		failed := C.duckdb_register_aggregate_function(conn.Ptr, f) != 0
		C.duckdb_destroy_aggregate_function(&f) //nolint:gocritic // a pointer to a local is what it takes
		if failed {
			return fmt.Errorf("duckdb: aggregate %s was refused", name)
		}
	}
	return nil
}

// aggregateFailed reports an error, or a panic, of an aggregate to DuckDB.
func aggregateFailed(info unsafe.Pointer, err error) {
	if p := recover(); p != nil {
		err = fmt.Errorf("INTERNAL: %v", p)
	}
	if err == nil {
		return
	}
	message := C.CString(err.Error())
	C.duckdb_aggregate_function_set_error(info, message)
	C.free(unsafe.Pointer(message))
}

// states are pointers of DuckDB's to states.
func states(p *unsafe.Pointer, n int) []*histogramState {
	return unsafe.Slice((**histogramState)(unsafe.Pointer(p)), n)
}

//export micromegasHistogramUpdate
func micromegasHistogramUpdate(info, input unsafe.Pointer, p *unsafe.Pointer) {
	var err error
	defer func() { aggregateFailed(info, err) }()
	extra := (*C.histogramInfo)(C.duckdb_aggregate_function_get_extra_info(info))
	chunk := bindings.DataChunk{Ptr: input}
	rows := int(bindings.DataChunkGetSize(chunk))
	in := make([]column, bindings.DataChunkGetColumnCount(chunk))
	for i := range in {
		in[i] = newColumn(bindings.DataChunkGetVector(chunk, bindings.IdxT(i)))
	}
	u := histogramUpdate{states: states(p, rows), budget: unsafe.Pointer(extra.budget)}
	if aggregate(extra.kind) == makeHistogram {
		err = u.add(in)
	} else {
		err = u.merge(in[0])
	}
}

//export micromegasHistogramCombine
func micromegasHistogramCombine(info unsafe.Pointer, sources, targets *unsafe.Pointer, count C.uint64_t) {
	var err error
	defer func() { aggregateFailed(info, err) }()
	extra := (*C.histogramInfo)(C.duckdb_aggregate_function_get_extra_info(info))
	budget := unsafe.Pointer(extra.budget)
	from, to := states(sources, int(count)), states(targets, int(count))
	for i := range from {
		if from[i].bins == nil {
			continue
		}
		if err = to[i].merge(from[i].row(), budget); err != nil {
			return
		}
	}
}

//export micromegasHistogramFinalize
func micromegasHistogramFinalize(info unsafe.Pointer, p *unsafe.Pointer, result unsafe.Pointer, count, offset C.uint64_t) {
	var err error
	defer func() { aggregateFailed(info, err) }()
	w := newHistogramWriter(newOutput(bindings.Vector{Ptr: result}, 0))
	for i, s := range states(p, int(count)) {
		if s.bins == nil {
			w.setNull(int(offset) + i)
		} else if err = w.set(int(offset)+i, s.row()); err != nil {
			return
		}
	}
}

// newBins gives s bins from the query's budget.
func (s *histogramState) newBins(budget unsafe.Pointer, length int) error {
	if C.histogramBins((*C.histogramState)(unsafe.Pointer(s)), (*C.int64_t)(budget), C.uint64_t(length)) == 0 {
		return errHistogramBudget
	}
	return nil
}
