package duck_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConcurrent runs all kinds of statements side by side, some of them left half-read or canceled.
func TestConcurrent(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{MaxConcurrent: 3, MaxWaiting: 100, Threads: 2}, query.Options{})
	statements := []string{
		"SELECT count(*) FROM log_entries",
		"SELECT property_get(properties, 'name'), msg FROM log_entries",
		"SELECT max(time) - min(time) AS d FROM log_entries",
		"SELECT value FROM range(300000)",
		"SELECT s.stream_id, count(*) FROM streams s, log_entries l GROUP BY 1",
		"SELECT nope",
		"SELECT * FROM duckdb_settings()",
		"SELECT CAST(msg AS INT) FROM log_entries",
		"SHOW TABLES",
		"EXPLAIN SELECT 1",
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range 12 {
				sql := statements[rnd.IntN(len(statements))]
				ctx, cancel := context.WithCancel(t.Context())
				res, err := s.Execute(ctx, query.Request{SQL: sql, PreserveDictionary: i%2 == 0})
				if err != nil {
					if k := fault.KindOf(err); k != fault.Invalid {
						t.Errorf("%s: %v", sql, err)
					}
					cancel()
					continue
				}
				switch rnd.IntN(4) {
				case 0:
					go res.Release() // from elsewhere
					cancel()
					continue
				case 1:
					res.Next()
					cancel()
				}
				for res.Next() {
					runtime.KeepAlive(fmt.Sprint(res.RecordBatch().Column(0)))
				}
				if k := fault.KindOf(res.Err()); res.Err() != nil && k != fault.Canceled && k != fault.Invalid {
					t.Errorf("%s: %v", sql, res.Err())
				}
				res.Release()
				cancel()
			}
		})
	}
	wg.Wait()
}
