//go:build !linux || !(amd64 || arm64) || duckdb_use_lib || duckdb_use_static_lib

package duck

import "strconv"

// threadSettings let DuckDB start threads by itself: there are no accounts that they could charge to.
func (o Options) threadSettings() [][2]string {
	return [][2]string{{"threads", strconv.Itoa(o.Threads)}}
}
