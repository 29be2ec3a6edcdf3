package lake

import (
	"math"
	"testing"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestAround widens ranges, also those that end where time does.
func TestAround(t *testing.T) {
	for _, tc := range []struct{ begin, end, wantBegin, wantEnd telemetry.Time }{
		{100e9, 200e9, 40e9, 260e9},
		{math.MinInt64, math.MaxInt64, math.MinInt64, math.MaxInt64},
		{math.MinInt64 + 1, math.MaxInt64 - 1, math.MinInt64, math.MaxInt64},
	} {
		got := around(catalog.Filter{Range: telemetry.Range{Begin: &tc.begin, End: &tc.end}}).Range
		if *got.Begin != tc.wantBegin || *got.End != tc.wantEnd {
			t.Errorf("around %d to %d is %d to %d, want %d to %d", tc.begin, tc.end, *got.Begin, *got.End, tc.wantBegin, tc.wantEnd)
		}
	}
}
