package duck_test

import (
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

// FuzzExecute checks that no statement brings the process down, and that none ends with an error of ours.
func FuzzExecute(f *testing.F) {
	for _, tc := range dialect {
		f.Add(tc.sql)
	}
	s := newService(f, newLake(f), duck.Options{MemoryLimit: 256 << 20, MaxConcurrent: 2}, query.Options{Timeout: 2 * time.Second})
	f.Fuzz(func(t *testing.T, sql string) {
		res, err := s.Execute(t.Context(), query.Request{SQL: sql, PreserveDictionary: len(sql)%2 == 0})
		if err == nil {
			for n := 0; n < 10 && res.Next(); n++ {
				_ = res.RecordBatch().NumRows()
			}
			err = res.Err()
			res.Release()
		}
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("%q: %v", sql, err)
		}
	})
}
