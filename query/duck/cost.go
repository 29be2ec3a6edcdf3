package duck

import (
	"strconv"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/query"
)

// profileStatement makes DuckDB keep account of a statement as a whole; per operator it would cost time.
// TOTAL_BYTES_READ is not asked for: DuckDB 1.5 does not count what its worker threads read. How often it spilled it does not
// tell at all. Its log of files, enable_logging('FileSystem'), has both, and must stay off: with it a full disk corrupts the heap
// (TestSpillFull), whatever keeps the log.
var profileStatement = []string{
	"SET enable_profiling = 'no_output'",
	`SET custom_profiling_settings = '{"CPU_TIME": "true", "CUMULATIVE_ROWS_SCANNED": "true", ` +
		`"SYSTEM_PEAK_BUFFER_MEMORY": "true", "SYSTEM_PEAK_TEMP_DIR_SIZE": "true"}'`,
}

// Cost reads DuckDB's account of the statement's runs; what still runs counts as nothing.
func (s *session) Cost() query.Cost {
	if s.closed.Load() || s.rows == nil {
		return s.cost
	}
	return sum(s.cost, s.instance.cost())
}

// sum is the cost of two runs one after the other.
func sum(a, b query.Cost) query.Cost {
	a.RowsScanned += b.RowsScanned
	a.CPU += b.CPU
	a.PeakMemory = max(a.PeakMemory, b.PeakMemory)
	a.SpilledBytes = max(a.SpilledBytes, b.SpilledBytes)
	return a
}

func (i *instance) cost() (c query.Cost) {
	i.mu.Lock()
	defer i.mu.Unlock()
	defer func() { c.PeakMemory = max(c.PeakMemory, i.account.peak()) }()
	info := bindings.GetProfilingInfo(i.conn)
	if info.Ptr == nil {
		return c
	}
	metrics := bindings.ProfilingInfoGetMetrics(info)
	defer bindings.DestroyValue(&metrics)
	for k := range bindings.GetMapSize(metrics) {
		key, value := bindings.GetMapKey(metrics, k), bindings.GetMapValue(metrics, k)
		number, err := strconv.ParseFloat(bindings.GetVarchar(value), 64)
		if err == nil {
			switch bindings.GetVarchar(key) {
			case "CPU_TIME":
				c.CPU = time.Duration(number * float64(time.Second))
			case "CUMULATIVE_ROWS_SCANNED":
				c.RowsScanned = int64(number)
			case "SYSTEM_PEAK_BUFFER_MEMORY":
				c.PeakMemory = int64(number)
			case "SYSTEM_PEAK_TEMP_DIR_SIZE":
				c.SpilledBytes = int64(number)
			}
		}
		bindings.DestroyValue(&key)
		bindings.DestroyValue(&value)
	}
	return c
}
