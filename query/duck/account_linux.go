//go:build linux && (amd64 || arm64) && !duckdb_use_lib && !duckdb_use_static_lib

package duck

/*
#cgo CFLAGS: -fexceptions
#cgo LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free
#cgo LDFLAGS: -Wl,--wrap=duckdb_je_malloc -Wl,--wrap=duckdb_je_realloc -Wl,--wrap=duckdb_je_free
#cgo LDFLAGS: -Wl,--wrap=_ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE
*/
import "C"

import "strconv"

// threadSettings let a query use o.Threads, all of them ours: the one that calls, and the workers of the account. DuckDB
// starts none by itself, as it could not tell which account they charge to.
func (o Options) threadSettings() [][2]string {
	n := strconv.Itoa(o.Threads)
	return [][2]string{{"threads", n}, {"external_threads", n}}
}
