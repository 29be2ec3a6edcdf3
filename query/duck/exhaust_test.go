//go:build linux

package duck_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
)

const exhaustChild = "DUCK_TEST_EXHAUST"

// doubled is a query that doubles the column x of from n times, one subquery within the other.
func doubled(from string, n int) string {
	sql := "SELECT " + from
	for range n {
		sql = "SELECT x || x AS x FROM (" + sql + ")"
	}
	return sql
}

// floods are statements that ask for more memory than a machine has, with little text and few rows.
func floods() map[string]string {
	return map[string]string{
		"concat":            "SELECT count(length(x)) FROM (" + doubled("repeat('x', 1000000) || i AS x FROM range(2048) t(i)", 20) + ")",
		"concat rows":       "SELECT sum(length(x || x || x || x)) FROM (SELECT repeat('x', 30000) || i AS x FROM range(100000) t(i))",
		"concat recursion":  "WITH RECURSIVE r(n, x) AS (SELECT 1, 'abcdefgh' UNION ALL SELECT n + 1, x || x FROM r WHERE n < 40) SELECT max(length(x)) FROM r",
		"concat_ws":         "SELECT length(concat_ws(x, x, x, x, x)) FROM (SELECT repeat('x', 10000000) || i AS x FROM range(2048) t(i))",
		"list_transform":    "SELECT sum(len(list_transform(range(1000000), j -> repeat('x', 1000) || i || j))) FROM range(100) t(i)",
		"list of long":      "SELECT len(list_transform(range(1000000), j -> x || j)) FROM (SELECT repeat('x', 1000000) AS x)",
		"flatten":           "SELECT len(flatten(array_repeat(range(1000000), 1000000)))",
		"flatten twice":     "SELECT len(flatten(array_repeat(flatten(array_repeat(range(1000), 1000)), 1000)))",
		"list_concat":       "WITH RECURSIVE r(n, l) AS (SELECT 1, range(1000000) UNION ALL SELECT n + 1, list_concat(l, l) FROM r WHERE n < 30) SELECT max(len(l)) FROM r",
		"range of rows":     "SELECT sum(len(range(i, i + 1000000))) FROM range(2048) t(i)",
		"series of rows":    "SELECT sum(len(list_reverse(generate_series(i, i + 999999)))) FROM range(2048) t(i)",
		"range of times":    "SELECT sum(len(generate_series(i, i + 999999, 1))) FROM range(2048) t(i)",
		"array_agg":         "SELECT len(array_agg(repeat('x', 100) || i)) FROM range(100000000) t(i)",
		"string_agg":        "SELECT length(string_agg(repeat('x', 1000) || i, '')) FROM range(10000000) t(i)",
		"median":            "SELECT median(i) FROM range(10000000000) t(i)",
		"median of groups":  "SELECT g, median(i) FROM range(1000000000) t(i), range(100) u(g) GROUP BY g",
		"quantile":          "SELECT quantile_cont(CAST(i AS DOUBLE), 0.5) FROM range(10000000000) t(i)",
		"quantile of texts": "SELECT quantile_disc(repeat('x', 1000) || i, 0.5) FROM range(100000000) t(i)",
		"mode":              "SELECT approx_top_k(i, 999999) FROM range(1000000000) t(i)",
		"mad":               "SELECT mad(CAST(i AS DOUBLE)) FROM range(10000000000) t(i)",
		"window median":     "SELECT max(m) FROM (SELECT median(i) OVER (ORDER BY i) AS m FROM range(10000000) t(i))",
		"distinct":          "SELECT count(DISTINCT repeat('x', 1000) || i) FROM range(100000000) t(i)",
		"list_distinct":     "SELECT sum(len(list_distinct(l))) FROM (SELECT range(1000000) AS l), range(2048)",
		"list_unique":       "SELECT sum(list_unique(l)) FROM (SELECT range(1000000) AS l), range(2048)",
		"list median":       "SELECT sum(list_median(l)) FROM (SELECT range(1000000) AS l), range(2048)",
		"list_sort":         "SELECT sum(list_sort(l)[1]) FROM (SELECT range(1000000) AS l), range(2048)",
		"list_zip":          "SELECT len(list_zip(l, l, l, l, l, l, l, l)) FROM (SELECT range(1000000) AS l), range(2048)",
		"regexp_replace":    "SELECT length(regexp_replace(repeat('x', 10000000), 'x', repeat('y', 1000), 'g'))",
		"regexp doubling":   "SELECT length(regexp_replace(repeat('x', 1000000), '(x*)', '" + strings.Repeat(`\1`, 2000) + "'))",
		"regexp_extract":    "SELECT sum(len(regexp_extract_all(x, '.'))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"regexp_split":      "SELECT sum(len(regexp_split_to_array(x, ''))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"string_split":      "SELECT sum(len(string_split(x, ''))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"replace":           "SELECT sum(length(replace(x, 'x', 'yyyyyyyyyyyyyyyy'))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"translate":         "SELECT sum(length(translate(x, 'x', 'ü'))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"hex":               "SELECT sum(length(hex(hex(hex(hex(x)))))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"url":               "SELECT sum(length(url_encode(url_encode(url_encode(x))))) FROM (SELECT repeat('%', 1000000) || i AS x FROM range(2048) t(i))",
		"bin":               "SELECT sum(length(bin(x))) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i))",
		"lpad":              "SELECT sum(length(lpad(CAST(i AS VARCHAR), 4000000, 'x'))) FROM range(2048) t(i)",
		"strftime":          "SELECT sum(length(strftime(now(), '" + strings.Repeat("%A", 100_000) + "'))) FROM range(2048)",
		"to_char":           "SELECT sum(length(to_char(now(), repeat('%A', 1000000)))) FROM range(2048)",
		"to_json":           "SELECT length(to_json(list_transform(range(1000000), j -> x))) FROM (SELECT repeat('x', 1000000) AS x)",
		"json_group_array":  "SELECT length(json_group_array(repeat('x', 1000) || i)) FROM range(10000000) t(i)",
		"json_merge":        "SELECT length(json_merge_patch(j, j)) FROM (SELECT json_object('a', repeat('x', 10000000) || i) AS j FROM range(2048) t(i))",
		"json_pretty":       "SELECT length(json_pretty(repeat('[', 100000) || repeat(']', 100000)))",
		"jsonb":             "SELECT count(jsonb_parse('[' || repeat('1,', 1000000) || i || ']')) FROM range(2048) t(i)",
		"jsonb elements":    "SELECT sum(len(jsonb_elements(jsonb_parse('[' || repeat('1,', 1000000) || i || ']')))) FROM range(2048) t(i)",
		"maps":              "SELECT count(map(l, l)) FROM (SELECT range(1000000) AS l), range(2048)",
		"map_from_entries":  "SELECT count(map_from_entries(list_zip(l, l))) FROM (SELECT range(1000000) AS l), range(2048)",
		"structs":           "SELECT count(s) FROM (SELECT {'a': x, 'b': x || 'b', 'c': x || 'c', 'd': x || 'd'} AS s FROM (SELECT repeat('x', 1000000) || i AS x FROM range(2048) t(i)))",
		"unnest":            "SELECT sum(length(x || y)) FROM (SELECT repeat('x', 1000000) AS x), (SELECT unnest(range(1000000)) AS y)",
		"unnest of unnest":  "SELECT count(DISTINCT x || y) FROM (SELECT unnest(range(1000000)) AS x), (SELECT unnest(range(1000000)) AS y)",
		"cross join":        "SELECT a.value, b.value FROM range(100000000) a, range(100000000) b ORDER BY a.value * b.value % 1000",
		"sort of long":      "SELECT x FROM (SELECT repeat('x', 1000000) || i AS x FROM range(100000) t(i)) ORDER BY x DESC LIMIT 100000",
		"wide rows":         "SELECT repeat('x', 1000000) || i AS x FROM range(4096) t(i)",
		"one wide value":    doubled("'abcdefgh' AS x", 40),
		"histograms":        "SELECT make_histogram(0, 1, 1000000, 0.5) FROM range(1000000) t(i) GROUP BY i",
		"pivot":             "SELECT arg_max(x, i, 999999) FROM (SELECT repeat('x', 1000) || i AS x, i FROM range(10000000) t(i))",
		"aggregate of list": "SELECT list(l) FROM (SELECT range(1000) AS l), range(10000000)",
	}
}

// What testExhaust allows: two queries at a time, and each so many bytes in all.
const (
	exhaustMemory = 256 << 20
	exhaustQuery  = 256 << 20 // half of the memory, and 32 MiB for each of two threads and two more
	exhaustMargin = 256 << 20 // beside the accounts: what Go has, what the allocators keep, rows on their way out
)

// TestExhaust sends statements that want more memory than there is. A child has the engine, whose peak can then be told: it must
// stay within what the limits of two queries add up to. Another caller is answered all along.
func TestExhaust(t *testing.T) {
	if os.Getenv(exhaustChild) != "" {
		testExhaust(t)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestExhaust$", "-test.v")
	child.Env = append(os.Environ(), exhaustChild+"=1")
	out, err := child.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func testExhaust(t *testing.T) {
	t.Helper()
	s := newService(t, newLake(t), duck.Options{MemoryLimit: exhaustMemory, MaxConcurrent: 2, Threads: 2, SpillLimit: 64 << 20}, query.Options{})
	answers, answered := context.WithCancel(t.Context())
	var other sync.WaitGroup
	another := make(chan struct{})
	other.Go(func() {
		defer close(another)
		ctx := query.WithCaller(t.Context(), "another")
		for answers.Err() == nil {
			const small = "SELECT length(max(repeat(msg, 10))) FROM log_entries"
			if rows, err := drain(ctx, s, small); rows != 1 || err != nil {
				t.Errorf("another caller's query: %d rows, %v", rows, err)
				return
			}
			select {
			case another <- struct{}{}:
			case <-answers.Done():
			}
		}
	})
	<-another
	before := peak(t)
	statements := floods()
	for _, name := range slices.Sorted(maps.Keys(statements)) {
		begin := time.Now()
		t.Log(name, "begins")
		rows, err := drain(query.WithCaller(t.Context(), "flood"), s, statements[name])
		switch fault.KindOf(err) {
		case fault.Exhausted, fault.Invalid, fault.Unimplemented:
			t.Logf("%s: %.160s", name, fault.Of(err).Public())
		default:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else {
				t.Logf("%s: %d rows", name, rows)
			}
		}
		for range 2 { // one may have been waiting
			if _, ok := <-another; !ok {
				t.Fatal("nobody else is answered")
			}
		}
		t.Logf("peak %d MiB, took %s", peak(t)>>20, time.Since(begin))
	}
	answered()
	other.Wait()
	if grown := peak(t) - before; grown > 2*exhaustQuery+exhaustMargin {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
}

const processChild = "DUCK_TEST_PROCESS"

// TestProcessLimit gives queries more than the process may have: what they hold together stays within that, the one that
// holds most gives way, also when memory is short for other reasons.
func TestProcessLimit(t *testing.T) {
	if os.Getenv(processChild) != "" {
		testProcessLimit(t)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessLimit$", "-test.v")
	child.Env = append(os.Environ(), processChild+"=1")
	out, err := child.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func testProcessLimit(t *testing.T) {
	t.Helper()
	const more, margin = 600 << 20, 300 << 20
	before := peak(t)
	service := func(t *testing.T) *query.Service {
		t.Helper()
		return newService(t, newLake(t), duck.Options{
			MemoryLimit: 8 << 30, MaxConcurrent: 3, Threads: 1, SpillLimit: 64 << 20, ProcessLimit: (before + more) * 10 / 9,
		}, query.Options{})
	}
	t.Run("floods", func(t *testing.T) { // at its end the engine has given all memory back
		s := service(t)
		for name, sql := range map[string]string{
			"values": "SELECT max(length(x || x || x || x)) FROM (SELECT repeat('x', 1000000) || i AS x FROM range(100000) t(i))",
			"states": "SELECT median(i) FROM range(10000000000) t(i)",
			"sort":   "SELECT repeat('x', 1000) || i AS x FROM range(100000000) t(i) ORDER BY x",
			"list":   "SELECT len(list_transform(range(1000000), j -> x || j)) FROM (SELECT repeat('x', 1000000) AS x)",
		} {
			rows, err := drain(t.Context(), s, sql)
			if fault.KindOf(err) != fault.Exhausted {
				t.Errorf("%s: %d rows, %v", name, rows, err)
			}
			t.Logf("%s: %v, peak %d MiB", name, err, (peak(t)-before)>>20)
		}
		if grown := peak(t) - before; grown > more+margin {
			t.Errorf("the process grew by %d MiB", grown>>20)
		}
	})

	s := service(t)
	const sorted = "SELECT x, value FROM (SELECT repeat('x', 1000) || i AS x FROM range(100000) t(i) ORDER BY x), range(1000000000)"
	held, err := s.Execute(query.WithCaller(t.Context(), "slow"), query.Request{SQL: sorted})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	ballast := bytes.Repeat([]byte("x"), 3*more/2)
	for held.Next() {
		if rows, err := drain(query.WithCaller(t.Context(), "another"), s, "SELECT count(*) FROM log_entries"); rows != 1 || err != nil {
			t.Fatalf("another caller's query: %d rows, %v", rows, err)
		}
	}
	if err := held.Err(); fault.KindOf(err) != fault.Exhausted {
		t.Errorf("the query that held the most ended with %v", err)
	}
	runtime.KeepAlive(ballast)
}

func drain(ctx context.Context, s *query.Service, sql string) (rows int64, err error) {
	r, err := s.Execute(ctx, query.Request{SQL: sql})
	if err != nil {
		return 0, err
	}
	defer r.Release()
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	return rows, r.Err()
}

// peak is the most memory that this process has had, in bytes.
func peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(rest)), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return int64(kib) << 10
		}
	}
	t.Fatal(fmt.Errorf("no VmHWM in %s", status))
	return 0
}
