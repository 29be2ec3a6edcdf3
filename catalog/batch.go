package catalog

import (
	"context"
	"slices"
)

// maxBatch bounds the values of one statement: SQLite takes 32766 parameters, PostgreSQL 65535.
const maxBatch = 1024

// rowBatches splits n rows into runs whose lengths are powers of two, at most 64, so that few different statements
// exist and each stays prepared.
func rowBatches(n int, f func(from, to int) error) error {
	for from := 0; from < n; {
		size := 64
		for size > n-from {
			size /= 2
		}
		if err := f(from, from+size); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// listBatches splits the values of an IN list; a batch is filled up to a power of two by repeating its last value, which
// changes nothing about what it contains.
func listBatches(values []any, f func(batch []any) error) error {
	for batch := range slices.Chunk(values, maxBatch) {
		size := 1
		for size < len(batch) {
			size *= 2
		}
		filled := make([]any, size)
		for i := copy(filled, batch); i < size; i++ {
			filled[i] = batch[len(batch)-1]
		}
		if err := f(filled); err != nil {
			return err
		}
	}
	return nil
}

// inBatches runs a statement that takes args and then an IN list of values, and returns how many rows it changed.
func (s *session) inBatches(ctx context.Context, name string, values []any, args ...any) (int64, error) {
	var changed int64
	err := listBatches(values, func(batch []any) error {
		n, err := s.exec(ctx, query{name: name, n: len(batch), args: append(slices.Clip(args), batch...)})
		changed += n
		return err
	})
	return changed, err
}

// ids returns the values of an IN list of ids.
func ids[T ~[16]byte](list []T) []any {
	values := make([]any, len(list))
	for i := range list {
		values[i] = id(list[i])
	}
	return values
}

// id returns the value of an id column: 16 bytes, which both databases take.
func id[T ~[16]byte](v T) any {
	b := [16]byte(v)
	return b[:]
}
