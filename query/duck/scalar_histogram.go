package duck

import (
	"errors"
	"math"
)

// typeHistogram is what make_histogram returns. All fields have a value.
var typeHistogram = structOf(
	sqlField{"start", typeFloat64}, sqlField{"end", typeFloat64}, sqlField{"min", typeFloat64}, sqlField{"max", typeFloat64},
	sqlField{"sum", typeFloat64}, sqlField{"sum_sq", typeFloat64}, sqlField{"count", typeUint64}, sqlField{"bins", listOf(typeUint64)},
)

var typeBin = structOf(sqlField{"bin_center", typeFloat64}, sqlField{"count", typeUint64})

// maxBins bounds a histogram; its picture has a few thousand pixels at most.
const maxBins = 1 << 20

var (
	errBins       = errors.New("make_histogram: the number of bins must be a whole number from 1 to 1048576")
	errBounds     = errors.New("make_histogram: start and end must be finite, and start must not be greater than end")
	errNullBound  = errors.New("make_histogram: start, end and the number of bins must not be NULL")
	errBrokenHist = errors.New("a histogram has NULL in one of its fields")
)

// histogramScalars are the functions on histograms; see histogram.go for the aggregates.
func histogramScalars() []scalar {
	hist := []sqlType{typeHistogram}
	return []scalar{
		{name: "quantile_from_histogram", args: []sqlType{typeHistogram, typeFloat64}, result: typeFloat64, run: quantiles},
		{name: "variance_from_histogram", args: hist, result: typeFloat64, run: perHistogram(func(out *output, i int, h histogramRow) error {
			out.setFloat64(i, variance(h.sum, h.sumSquares, float64(h.count)))
			return nil
		})},
		{name: "count_from_histogram", args: hist, result: typeUint64, run: perHistogram(func(out *output, i int, h histogramRow) error {
			out.setUint64(i, h.count)
			return nil
		})},
		{name: "sum_from_histogram", args: hist, result: typeFloat64, run: perHistogram(func(out *output, i int, h histogramRow) error {
			out.setFloat64(i, h.sum)
			return nil
		})},
		// What expand_histogram and an empty make_histogram with constant bounds are made of.
		{name: "histogram_rows", args: hist, result: listOf(typeBin), run: perHistogram(histogramRows)},
		{name: "empty_histogram", args: []sqlType{typeFloat64, typeFloat64, typeFloat64}, result: typeHistogram, run: emptyHistogram},
	}
}

// histogramRow is one row of a column of histograms.
type histogramRow struct {
	start, end, min, max, sum, sumSquares float64
	count                                 uint64
	bins                                  []uint64 // in place
}

// width of a bin; 1 when the histogram has only one point.
func (h histogramRow) width() float64 {
	if h.start == h.end || len(h.bins) == 0 {
		return 1
	}
	return (h.end - h.start) / float64(len(h.bins))
}

// histogramColumn reads a column of histograms.
type histogramColumn struct {
	column
	fields   [8]column
	elements column
}

func newHistogramColumn(c column) *histogramColumn {
	h := &histogramColumn{column: c}
	for n := range h.fields {
		h.fields[n] = c.field(n)
	}
	h.elements = h.fields[7].elements()
	return h
}

// row returns row i, which is not NULL.
func (h *histogramColumn) row(i int) (histogramRow, error) {
	for _, f := range h.fields {
		if f.null(i) {
			return histogramRow{}, errBrokenHist
		}
	}
	offset, length := h.fields[7].list(i)
	for n := offset; n < offset+length; n++ {
		if h.elements.null(n) {
			return histogramRow{}, errBrokenHist
		}
	}
	f := func(n int) float64 { return h.fields[n].float64(i) }
	return histogramRow{f(0), f(1), f(2), f(3), f(4), f(5), h.fields[6].uint64(i), h.elements.uint64s(offset, length)}, nil
}

func perHistogram(f func(out *output, i int, h histogramRow) error) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		histograms := newHistogramColumn(in[0])
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			h, err := histograms.row(i)
			if err == nil {
				err = f(out, i, h)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func quantiles(in []column, out *output, rows int) error {
	return perHistogram(func(out *output, i int, h histogramRow) error {
		out.setFloat64(i, quantile(h, in[1].float64(i)))
		return nil
	})(in, out, rows)
}

// quantile walks the bins to q of the count and goes on inside of the bin in a straight line.
func quantile(h histogramRow, q float64) float64 {
	target, before := q*float64(h.count), 0.0
	width := (h.end - h.start) / float64(len(h.bins))
	for i, n := range h.bins {
		if n == 0 {
			continue
		}
		if before+float64(n) >= target {
			return h.start + (float64(i)+(target-before)/float64(n))*width
		}
		before += float64(n)
	}
	return h.end
}

// variance is that of a sample of n values.
func variance(sum, sumSquares, n float64) float64 {
	return (sumSquares - sum*sum/n) / (n - 1)
}

func histogramRows(out *output, i int, h histogramRow) error {
	return setList(out, i, len(h.bins), func(elements *output, first int) {
		centers, counts := elements.field(0), elements.field(1)
		for n, count := range h.bins {
			centers.setFloat64(first+n, h.start+(float64(n)+0.5)*h.width())
			counts.setUint64(first+n, count)
		}
	})
}

// checkBounds returns the number of bins.
func checkBounds(start, end, bins float64) (int, error) {
	switch {
	case !(bins >= 1 && bins <= maxBins && bins == math.Trunc(bins)): // NaN, too
		return 0, errBins
	case math.IsNaN(start-end) || math.IsInf(start, 0) || math.IsInf(end, 0) || start > end:
		return 0, errBounds
	}
	return int(bins), nil
}

func emptyHistogram(in []column, out *output, rows int) error {
	w := newHistogramWriter(out)
	for i := range rows {
		if in[0].null(i) || in[1].null(i) || in[2].null(i) {
			return errNullBound
		}
		bins, err := checkBounds(in[0].float64(i), in[1].float64(i), in[2].float64(i))
		if err != nil {
			return err
		}
		h := histogramRow{start: in[0].float64(i), end: in[1].float64(i), min: math.MaxFloat64, max: -math.MaxFloat64, bins: make([]uint64, bins)}
		if err := w.set(i, h); err != nil {
			return err
		}
	}
	return nil
}

// histogramWriter writes a column of histograms.
type histogramWriter struct {
	*output
	fields [8]*output
}

func newHistogramWriter(out *output) *histogramWriter {
	w := &histogramWriter{output: out}
	for n := range w.fields {
		w.fields[n] = out.field(n)
	}
	return w
}

func (w *histogramWriter) set(i int, h histogramRow) error {
	for n, v := range [...]float64{h.start, h.end, h.min, h.max, h.sum, h.sumSquares} {
		w.fields[n].setFloat64(i, v)
	}
	w.fields[6].setUint64(i, h.count)
	return setList(w.fields[7], i, len(h.bins), func(elements *output, first int) {
		for n, count := range h.bins {
			elements.setUint64(first+n, count)
		}
	})
}
