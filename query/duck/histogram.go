package duck

import (
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// histogramBudget is how many bytes the bins of a query's histograms may take: DuckDB's memory limit does not cover
// the states of our aggregates.
const histogramBudget = 256 << 20

var (
	errHistogramBudget = fmt.Errorf("the histograms of a query may have %d bins together; group by less, or use fewer bins", histogramBudget/8)
	errIncompatible    = errors.New("Error merging incompatible histograms") // clients know this text
	errBoundsChange    = errors.New("make_histogram: start, end and the number of bins must not change within a group")
)

// histogramState is the state of one group, in memory of DuckDB's. See aggregate.go, which declares it for C.
type histogramState struct {
	start, end, min, max, sum, sumSquares float64
	count, length                         uint64
	bins                                  *uint64
	budget                                unsafe.Pointer
}

// row returns s, which has bins. The bins are shared.
func (s *histogramState) row() histogramRow {
	return histogramRow{s.start, s.end, s.min, s.max, s.sum, s.sumSquares, s.count, unsafe.Slice(s.bins, s.length)}
}

// open gives s bounds, or checks that they are its own.
func (s *histogramState) open(start, end float64, bins int, budget unsafe.Pointer, different error) error {
	if s.bins != nil {
		if s.start != start || s.end != end || s.length != uint64(bins) {
			return different
		}
		return nil
	}
	s.start, s.end, s.min, s.max = start, end, math.MaxFloat64, -math.MaxFloat64
	return s.newBins(budget, bins)
}

// merge adds a histogram with the same bounds.
func (s *histogramState) merge(h histogramRow, budget unsafe.Pointer) error {
	if len(h.bins) == 0 || len(h.bins) > maxBins {
		return errIncompatible
	}
	if err := s.open(h.start, h.end, len(h.bins), budget, errIncompatible); err != nil {
		return err
	}
	s.min, s.max = min(s.min, h.min), max(s.max, h.max)
	s.sum += h.sum
	s.sumSquares += h.sumSquares
	s.count += h.count
	bins := unsafe.Slice(s.bins, s.length)
	for i, n := range h.bins {
		bins[i] += n
	}
	return nil
}

// histogramUpdate adds a chunk of rows to their groups.
type histogramUpdate struct {
	states []*histogramState // one a row
	budget unsafe.Pointer
}

// add adds values: start, end, number of bins and value of each row.
func (u histogramUpdate) add(in []column) error {
	for i, s := range u.states {
		if in[0].null(i) || in[1].null(i) || in[2].null(i) {
			return errNullBound
		}
		start, end, bins := in[0].float64(i), in[1].float64(i), in[2].float64(i)
		if s.bins == nil || s.start != start || s.end != end || float64(s.length) != bins {
			n, err := checkBounds(start, end, bins)
			if err != nil {
				return err
			}
			if err := s.open(start, end, n, u.budget, errBoundsChange); err != nil {
				return err
			}
		}
		if !in[3].null(i) {
			s.add(in[3].float64(i))
		}
	}
	return nil
}

// add counts a value. Those outside of the bounds, and NaN, go to the first or the last bin.
func (s *histogramState) add(v float64) {
	bins := unsafe.Slice(s.bins, s.length)
	at := math.Floor((v - s.start) / ((s.end - s.start) / float64(s.length)))
	switch {
	case !(at >= 1): // NaN, too
		bins[0]++
	case at >= float64(s.length):
		bins[s.length-1]++
	default:
		bins[int(at)]++
	}
	s.count++
	s.sum += v
	s.sumSquares += v * v
	if v < s.min {
		s.min = v
	}
	if v > s.max {
		s.max = v
	}
}

// merge adds histograms.
func (u histogramUpdate) merge(c column) error {
	histograms := newHistogramColumn(c)
	for i, s := range u.states {
		if c.null(i) {
			continue
		}
		h, err := histograms.row(i)
		if err != nil {
			return err
		}
		if err := s.merge(h, u.budget); err != nil {
			return err
		}
	}
	return nil
}
