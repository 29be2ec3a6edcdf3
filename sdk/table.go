package sdk

import (
	"sync"
	"sync/atomic"
)

// table gives numbers to what is declared: from 1, the same for equal values, for the life of the process. Number 0 is
// for what came after the table was full.
type table[T comparable] struct {
	list atomic.Pointer[[]T]

	mu  sync.Mutex
	ids map[T]uint32
}

// maxDeclared bounds each table. Who declares more has put values into names.
const maxDeclared = 1 << 18

// id returns the number of v, a new one if need be.
func (t *table[T]) id(v T) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok := t.ids[v]; ok {
		return id
	}
	var list []T
	if p := t.list.Load(); p != nil {
		list = *p
	} else {
		list = make([]T, 1, 16)
		t.ids = map[T]uint32{}
	}
	if len(list) > maxDeclared {
		return 0
	}
	id := uint32(len(list))
	list = append(list, v) // readers of the shorter list don't look behind its end
	t.list.Store(&list)
	t.ids[v] = id
	return id
}

// all returns everything by number.
func (t *table[T]) all() []T {
	if p := t.list.Load(); p != nil {
		return *p
	}
	var none [1]T
	return none[:]
}

// get returns the value of a number.
func (t *table[T]) get(id uint32) T {
	all := t.all()
	if int(id) < len(all) {
		return all[id]
	}
	return all[0]
}
