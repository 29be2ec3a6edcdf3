// What DuckDB calls of ours. The functions themselves are in Go. They call DuckDB's C interface, and what it throws at an
// allocation that is refused could not pass through Go: so none is, until they have returned.

#include "memory.h"

extern void micromegasScalar(void *info, void *input, void *output);
extern void micromegasBound(void *info, void *input, void *output);
extern void micromegasHistogramUpdate(void *info, void *input, void **states);
extern void micromegasHistogramCombine(void *info, void **sources, void **targets, uint64_t count);
extern void micromegasHistogramFinalize(void *info, void **states, void *result, uint64_t count, uint64_t offset);

void mm_scalar(void *info, void *input, void *output) {
	mm_shield(1);
	micromegasScalar(info, input, output);
	mm_shield(-1);
}

void mm_bound(void *info, void *input, void *output) {
	mm_shield(1);
	micromegasBound(info, input, output);
	mm_shield(-1);
}

void mm_histogram_update(void *info, void *input, void **states) {
	mm_shield(1);
	micromegasHistogramUpdate(info, input, states);
	mm_shield(-1);
}

void mm_histogram_combine(void *info, void **sources, void **targets, uint64_t count) {
	mm_shield(1);
	micromegasHistogramCombine(info, sources, targets, count);
	mm_shield(-1);
}

void mm_histogram_finalize(void *info, void **states, void *result, uint64_t count, uint64_t offset) {
	mm_shield(1);
	micromegasHistogramFinalize(info, states, result, count, offset);
	mm_shield(-1);
}
