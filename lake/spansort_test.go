package lake

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// TestSorter sorts more than fits into memory, and compares with sorting in memory.
func TestSorter(t *testing.T) {
	type pair struct{ key, order int64 }
	for _, limit := range []int{1, 7, 100, 1000} {
		files := 0
		folder := t.TempDir()
		s := newSorter(func() string {
			files++
			return filepath.Join(folder, strconv.Itoa(files))
		}, func(a, b *pair) int { return int(a.key - b.key) })
		s.limit = limit
		random := rand.New(rand.NewPCG(1, uint64(limit)))
		var want []pair
		for i := range int64(500) {
			p := pair{random.Int64N(50), i}
			want = append(want, p)
			if err := s.add(p); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortStableFunc(want, func(a, b pair) int { return int(a.key - b.key) })
		var got []pair
		if err := s.each(func(p *pair) error { got = append(got, *p); return nil }); err != nil {
			t.Fatal(err)
		}
		s.close()
		if !slices.Equal(got, want) {
			t.Errorf("with %d in memory: another order", limit)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) > 0 || (limit < 500) != (files > 0) {
			t.Errorf("with %d in memory: %d files, %d left", limit, files, len(left))
		}
	}
}
