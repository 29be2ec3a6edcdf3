package ingest

import (
	"compress/gzip"
	"io"
	"math/bits"
	"sync"
)

// Buffers up to maxPooled come in powers of two and are used again; larger ones have their exact size and are left to
// the garbage collector.
const (
	minBuffer = 16 << 10
	maxPooled = 4 * mib
	classes   = 9 // 16 KiB … 4 MiB
)

// bufferPool keeps buffers and gzip readers between requests. Its zero value works.
type bufferPool struct {
	byClass [classes]sync.Pool // of *[]byte with capacity minBuffer << class
	gzip    sync.Pool          // of *gzip.Reader
}

// bufferSize returns the capacity of the buffer for n bytes.
func bufferSize(n int64) int64 {
	if n > maxPooled {
		return n
	}
	return minBuffer << class(n)
}

// class returns the smallest class that holds n bytes, which are at most maxPooled.
func class(n int64) int {
	if n <= minBuffer {
		return 0
	}
	return bits.Len64(uint64(n-1) / minBuffer)
}

// get returns an empty buffer with the capacity size, a result of bufferSize.
func (p *bufferPool) get(size int64) []byte {
	if size <= maxPooled {
		if b, ok := p.byClass[class(size)].Get().(*[]byte); ok {
			return (*b)[:0]
		}
	}
	return make([]byte, 0, size)
}

func (p *bufferPool) put(b []byte) {
	if c := int64(cap(b)); c <= maxPooled && c == bufferSize(c) {
		b = b[:0]
		p.byClass[class(c)].Put(&b)
	}
}

// inflate returns a reader of gzip data; give it back with deflated.
func (p *bufferPool) inflate(src io.Reader) (*gzip.Reader, error) {
	if z, ok := p.gzip.Get().(*gzip.Reader); ok {
		if err := z.Reset(src); err != nil {
			p.gzip.Put(z)
			return nil, err
		}
		return z, nil
	}
	return gzip.NewReader(src)
}

func (p *bufferPool) deflated(z *gzip.Reader) {
	_ = z.Reset(emptyGzip{}) // let go of the connection; the error says that nothing came
	p.gzip.Put(z)
}

type emptyGzip struct{}

func (emptyGzip) Read([]byte) (int, error) { return 0, io.EOF }
