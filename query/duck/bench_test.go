package duck_test

import (
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// BenchmarkExecute measures what a query costs besides its rows, what a scan costs a row, and what leaving costs.
func BenchmarkExecute(b *testing.B) {
	l := newLake(b)
	var batches []arrow.RecordBatch
	for i := range 20 {
		batches = append(batches, logBatch(100_000, i*100_000))
	}
	big := writeParquet(b, filepath.Join(b.TempDir(), "big.parquet"), batches...)
	l.tables["empty"] = &lake.Table{Schema: logSchema, Files: []string{big}}
	s := newService(b, l, duck.Options{}, query.Options{})
	for name, bc := range map[string]struct {
		sql  string
		dict bool
	}{
		"small":      {"SELECT count(*) FROM log_entries WHERE level = 2", false},
		"count":      {"SELECT count(*) FROM empty WHERE level = 2", false},
		"property":   {"SELECT count(*) FROM empty WHERE property_get(properties, 'name') = 'value'", false},
		"rows":       {"SELECT time, level, target, msg FROM empty", false},
		"dictionary": {"SELECT time, level, target, msg FROM empty", true},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				res, err := s.Execute(b.Context(), query.Request{SQL: bc.sql, PreserveDictionary: bc.dict})
				if err != nil {
					b.Fatal(err)
				}
				for res.Next() {
				}
				if res.Err() != nil {
					b.Fatal(res.Err())
				}
				res.Release()
			}
		})
	}
}
