package lake

import (
	"testing"

	"github.com/micromegas-go/micromegas/catalog"
)

// TestInParts: no transaction gives back more blocks than it may, unless one partition has more.
func TestInParts(t *testing.T) {
	for _, tc := range []struct{ sizes, want []int64 }{
		{nil, nil},
		{[]int64{100}, []int64{100}},
		{[]int64{4, 6, 1}, []int64{10, 1}},
		{[]int64{3, 100, 3, 3}, []int64{3, 100, 6}},
		{[]int64{0, 0, 10, 0}, []int64{10}},
	} {
		list := make([]PartitionRecord, len(tc.sizes))
		for i, n := range tc.sizes {
			list[i] = PartitionRecord{PartitionRecord: catalog.PartitionRecord{Partition: catalog.Partition{Blocks: n}}}
		}
		n := 0
		for i, part := range inParts(list, 10) {
			var sum int64
			for _, p := range part {
				sum += p.Blocks
			}
			if i >= len(tc.want) || sum != tc.want[i] {
				t.Errorf("%v: part %d has %d blocks, want %v", tc.sizes, i, sum, tc.want)
			}
			n += len(part)
		}
		if n != len(tc.sizes) {
			t.Errorf("%v: %d partitions are in parts", tc.sizes, n)
		}
	}
}
