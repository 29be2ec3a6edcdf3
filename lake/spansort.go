package lake

import (
	"bufio"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unsafe"
)

// sorterRows is how many values a sorter keeps in memory; the rest lies in files.
const sorterRows = 256 << 10

// sorter sorts any number of values without pointers. Values that compare equal keep their order.
type sorter[T any] struct {
	compare func(a, b *T) int
	temp    func() string // names a fresh file
	limit   int           // of values in memory

	rows []T
	runs []*sortedRun[T]
}

// sortedRun is a sorted part in a file.
type sortedRun[T any] struct {
	number int
	file   *os.File
	in     *bufio.Reader
	row    [1]T
}

func newSorter[T any](temp func() string, compare func(a, b *T) int) *sorter[T] {
	return &sorter[T]{compare: compare, temp: temp, limit: sorterRows}
}

func (s *sorter[T]) add(v T) error {
	s.rows = append(s.rows, v)
	if len(s.rows) < s.limit {
		return nil
	}
	return s.spill()
}

func (s *sorter[T]) sort() {
	// What blocks hold is nearly always in order.
	if slices.IsSortedFunc(s.rows, func(a, b T) int { return s.compare(&a, &b) }) {
		return
	}
	slices.SortStableFunc(s.rows, func(a, b T) int { return s.compare(&a, &b) })
}

// spill writes the values in memory to a file, which has no name as soon as it is open.
func (s *sorter[T]) spill() error {
	s.sort()
	path := s.temp()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("sort spans: %w", err)
	}
	_ = os.Remove(path)
	s.runs = append(s.runs, &sortedRun[T]{number: len(s.runs), file: f})
	if _, err := f.Write(valueBytes(s.rows)); err != nil {
		return fmt.Errorf("sort spans: %w", err)
	}
	s.rows = s.rows[:0]
	return nil
}

// valueBytes is the memory of values.
func valueBytes[T any](rows []T) []byte {
	//nolint:gosec // a view of our own slice
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), len(rows)*int(unsafe.Sizeof(*new(T))))
}

// each calls f with the values in order.
func (s *sorter[T]) each(f func(v *T) error) error {
	if len(s.runs) == 0 {
		s.sort()
		for i := range s.rows {
			if err := f(&s.rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.rows) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	m := merging[T]{compare: s.compare}
	for _, r := range s.runs {
		if _, err := r.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("sort spans: %w", err)
		}
		r.in = bufio.NewReaderSize(r.file, 256<<10)
		more, err := r.next()
		if err != nil {
			return err
		}
		if more {
			m.runs = append(m.runs, r)
		}
	}
	heap.Init(&m)
	for len(m.runs) > 0 {
		if err := f(&m.runs[0].row[0]); err != nil {
			return err
		}
		more, err := m.runs[0].next()
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(&m, 0)
		default:
			heap.Pop(&m)
		}
	}
	return nil
}

// next reads the next value; false at the end.
func (r *sortedRun[T]) next() (bool, error) {
	_, err := io.ReadFull(r.in, valueBytes(r.row[:]))
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sort spans: %w", err)
	}
	return true, nil
}

// close lets go of the files.
func (s *sorter[T]) close() {
	for _, r := range s.runs {
		_ = r.file.Close()
	}
}

// merging is a heap of runs: the one with the smallest value comes first, the earlier one of equals.
type merging[T any] struct {
	compare func(a, b *T) int
	runs    []*sortedRun[T]
}

func (m *merging[T]) Len() int      { return len(m.runs) }
func (m *merging[T]) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merging[T]) Push(x any)    { m.runs = append(m.runs, x.(*sortedRun[T])) }
func (m *merging[T]) Pop() any {
	last := len(m.runs) - 1
	r := m.runs[last]
	m.runs = m.runs[:last]
	return r
}

func (m *merging[T]) Less(i, j int) bool {
	if d := m.compare(&m.runs[i].row[0], &m.runs[j].row[0]); d != 0 {
		return d < 0
	}
	return m.runs[i].number < m.runs[j].number
}
