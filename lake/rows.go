package lake

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/telemetry"
)

// rows collects rows of a view until they are written to a file.
type rows struct {
	view *view
	cols []column // in the view's order

	// keepCodes is set when someone holds codes of coded columns across reset.
	keepCodes bool
}

func newRows(v *view) *rows {
	r := &rows{view: v}
	for _, f := range v.schema.Fields() {
		if f.Nullable && f.Type.ID() == arrow.STRING {
			r.cols = append(r.cols, &optionalText{text: *newText(f.Type)})
			continue
		}
		r.cols = append(r.cols, newColumn(fileType(f.Type)))
	}
	return r
}

func newColumn(t arrow.DataType) column {
	switch t.ID() {
	case arrow.TIMESTAMP, arrow.INT64:
		return &numbers[int64]{typ: t}
	case arrow.INT32:
		return &numbers[int32]{typ: t}
	case arrow.UINT32:
		return &numbers[uint32]{typ: t}
	case arrow.FLOAT64:
		return &numbers[float64]{typ: t}
	case arrow.FIXED_SIZE_BINARY:
		return &fixed{typ: t.(*arrow.FixedSizeBinaryType)}
	case arrow.BOOL:
		return &flags{}
	case arrow.DICTIONARY:
		return newCoded(t.(*arrow.DictionaryType))
	case arrow.STRING, arrow.BINARY:
		return newText(t)
	default:
		panic("lake: no column for type " + t.String())
	}
}

func (r *rows) len() int { return r.cols[0].len() }

func (r *rows) bytes() int {
	n := 0
	for _, c := range r.cols {
		n += c.bytes()
	}
	return n
}

// full reports whether it is time to write the rows as a row group.
func (r *rows) full() bool { return r.len() >= rowGroup || r.bytes() >= partitionBytes }

func (r *rows) truncate(n int) {
	for _, c := range r.cols {
		c.truncate(n)
	}
}

func (r *rows) reset() {
	if r.keepCodes {
		r.truncate(0) // leaves the values where they are
		return
	}
	for _, c := range r.cols {
		c.reset()
	}
}

// index returns the number of the named column.
func (r *rows) index(name string) int { return r.view.schema.FieldIndices(name)[0] }

// span returns the smallest and largest event time.
func (r *rows) span() (lo, hi telemetry.Time) {
	if r.view.times == "" {
		return 0, 0
	}
	times := r.cols[r.index(r.view.times)].(*numbers[int64]).rows
	if len(times) == 0 {
		return 0, 0
	}
	return telemetry.Time(slices.Min(times)), telemetry.Time(slices.Max(times))
}

// sort puts the rows into the view's order; rows that compare equal keep theirs.
func (r *rows) sort() {
	if len(r.view.sorted) == 0 {
		return
	}
	var by []func(a, b int32) int
	for _, name := range r.view.sorted {
		switch c := r.cols[r.index(name)].(type) {
		case *coded:
			rank := c.ranks()
			by = append(by, func(a, b int32) int { return int(rank[c.rows[a]]) - int(rank[c.rows[b]]) })
		case *numbers[int64]:
			by = append(by, func(a, b int32) int {
				switch {
				case c.rows[a] < c.rows[b]:
					return -1
				case c.rows[a] > c.rows[b]:
					return 1
				default:
					return 0
				}
			})
		}
	}
	compare := func(a, b int32) int {
		for _, f := range by {
			if d := f(a, b); d != 0 {
				return d
			}
		}
		return 0
	}
	order := make([]int32, r.len())
	ordered := true
	for i := range order {
		order[i] = int32(i) // a builder holds far fewer rows
		if i > 0 && ordered && compare(order[i-1], order[i]) > 0 {
			ordered = false
		}
	}
	if ordered {
		return
	}
	slices.SortStableFunc(order, compare)
	for _, c := range r.cols {
		c.permute(order)
	}
}

// ranks returns for each code the place of its value among the sorted values.
func (c *coded) ranks() []int32 {
	codes := make([]int32, len(c.memo))
	for i := range codes {
		codes[i] = int32(i)
	}
	slices.SortFunc(codes, func(a, b int32) int { return strings.Compare(c.value(a), c.value(b)) })
	ranks := make([]int32, len(codes))
	for rank, code := range codes {
		ranks[code] = int32(rank)
	}
	return ranks
}

// batch returns the rows as a record batch with the schema of files.
func (r *rows) batch(schema *arrow.Schema) arrow.RecordBatch {
	arrays := make([]arrow.Array, len(r.cols))
	for i, c := range r.cols {
		arrays[i] = c.array()
	}
	b := array.NewRecordBatch(schema, arrays, int64(r.len()))
	for _, a := range arrays {
		a.Release()
	}
	return b
}
