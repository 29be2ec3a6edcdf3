package duck

/*
#include <stdlib.h>

// In callback.c.
extern void mm_scalar(void *info, void *input, void *output);
extern void mm_bound(void *info, void *input, void *output);

static void *scalarCallback(void) { return (void *)mm_scalar; }
static void *micromegasBoundCallback(void) { return (void *)mm_bound; }
static void *freeCallback(void) { return (void *)free; }
*/
import "C"

import (
	"fmt"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

func callocC(size uintptr) unsafe.Pointer { return C.calloc(1, C.size_t(size)) }

func freeC(p unsafe.Pointer) { C.free(p) }

// registerScalar makes a function of ours in Go known to the connection's database. Functions of one name are overloads,
// also of the engine's own.
func registerScalar(conn bindings.Connection, i int) error {
	s := &scalars[i]
	f := bindings.CreateScalarFunction()
	defer bindings.DestroyScalarFunction(&f)
	bindings.ScalarFunctionSetName(f, s.name)
	for _, t := range s.args {
		l := t.logical()
		bindings.ScalarFunctionAddParameter(f, l)
		bindings.DestroyLogicalType(&l)
	}
	l := s.result.logical()
	bindings.ScalarFunctionSetReturnType(f, l)
	bindings.DestroyLogicalType(&l)
	// C must not keep Go pointers: it gets the function's place in scalars.
	registerCallback(f, uint64(i), C.scalarCallback())
	if bindings.RegisterScalarFunction(conn, f) == bindings.StateError {
		return engineError("it was refused")
	}
	return nil
}

func boundCallback() unsafe.Pointer { return C.micromegasBoundCallback() }

// registerCallback sets what runs for f and the number that it gets.
func registerCallback(f bindings.ScalarFunction, number uint64, callback unsafe.Pointer) {
	extra := callocC(unsafe.Sizeof(number))
	*(*uint64)(extra) = number
	bindings.ScalarFunctionSetExtraInfo(f, extra, C.freeCallback())
	bindings.ScalarFunctionSetFunction(f, callback)
}

// micromegasBound runs a function of the service's; see callBound.
//
//export micromegasBound
func micromegasBound(info, input, output unsafe.Pointer) {
	call := bindings.FunctionInfo{Ptr: info}
	defer func() {
		if p := recover(); p != nil {
			bindings.ScalarFunctionSetError(call, fmt.Sprint("INTERNAL: ", p))
		}
	}()
	callBound(*(*uint64)(bindings.ScalarFunctionGetExtraInfo(call)), call, bindings.DataChunk{Ptr: input}, bindings.Vector{Ptr: output})
}

// micromegasScalar runs a function of ours on a chunk of rows. A panic here would end the process, so none leaves.
//
//export micromegasScalar
func micromegasScalar(info, input, output unsafe.Pointer) {
	call := bindings.FunctionInfo{Ptr: info}
	defer func() {
		if p := recover(); p != nil {
			bindings.ScalarFunctionSetError(call, fmt.Sprint("INTERNAL: ", p))
		}
	}()
	s := &scalars[*(*uint64)(bindings.ScalarFunctionGetExtraInfo(call))]
	chunk := bindings.DataChunk{Ptr: input}
	rows := int(bindings.DataChunkGetSize(chunk))
	out := newOutput(bindings.Vector{Ptr: output}, rows)
	in := make([]column, len(s.args))
	for i := range in {
		in[i] = newColumn(bindings.DataChunkGetVector(chunk, bindings.IdxT(i)))
	}
	if err := s.run(in, out, rows); err != nil {
		bindings.ScalarFunctionSetError(call, err.Error())
	}
}
