package duck

/*
#include <stdlib.h>
*/
import "C"

import (
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

func callocC(size uintptr) unsafe.Pointer { return C.calloc(1, C.size_t(size)) }

func freeC(p unsafe.Pointer) { C.free(p) }

func registerScalars(conn bindings.Connection) error { return nil }
