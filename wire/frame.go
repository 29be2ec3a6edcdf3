package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// frameMagic begins every LZ4 frame (LZ4 Frame Format Description 1.6.2, "General Structure of LZ4 Frame Format").
const frameMagic = "\x04\x22\x4d\x18"

// minFrame is the length of the shortest frame: magic, descriptor of three bytes, end mark of four.
const minFrame = 11

func checkFrame(b []byte) error {
	switch {
	case len(b) == 0:
		return errors.New("is empty, want an LZ4 frame")
	case len(b) < minFrame || string(b[:len(frameMagic)]) != frameMagic:
		return errors.New("is not an LZ4 frame")
	}
	return nil
}

// frameReaders holds *lz4.Reader; one keeps buffers of some hundred kilobytes.
var frameReaders = sync.Pool{New: func() any { return lz4.NewReader(nil) }}

// inflate returns the content of an LZ4 frame. It is a string because everything that is decoded from a queue points
// into it: nothing is copied, and nothing can change.
func inflate(frame []byte, limit int64) (string, error) {
	if err := checkFrame(frame); err != nil {
		return "", err
	}
	r := frameReaders.Get().(*lz4.Reader)
	defer func() {
		r.Reset(nil) // lets go of frame
		frameReaders.Put(r)
	}()
	r.Reset(bytes.NewReader(frame))
	w := boundedWriter{limit: limit}
	// Most queues shrink to between a half and a tenth. The guess only saves copies while the text grows.
	w.text.Grow(int(min(int64(len(frame))*3, limit, 4<<20)))
	if _, err := io.Copy(&w, r); err != nil {
		return "", fmt.Errorf("inflate: %w", err)
	}
	return w.text.String(), nil
}

// boundedWriter collects text up to a limit.
type boundedWriter struct {
	text  strings.Builder
	limit int64
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if int64(w.text.Len())+int64(len(p)) > w.limit {
		return 0, fmt.Errorf("is larger than %d bytes", w.limit)
	}
	return w.text.Write(p)
}

// frameWriters holds *lz4.Writer.
var frameWriters = sync.Pool{New: func() any {
	w := lz4.NewWriter(nil)
	// The block size that the other clients use; it is also the one that needs the least memory to read.
	if err := w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(true)); err != nil {
		panic(err) // both options exist
	}
	return w
}}

// deflate returns b as an LZ4 frame.
func deflate(b []byte) []byte {
	w := frameWriters.Get().(*lz4.Writer)
	defer func() {
		w.Reset(nil) // lets go of the result
		frameWriters.Put(w)
	}()
	var out bytes.Buffer
	out.Grow(len(b)/2 + 64)
	w.Reset(&out)
	if _, err := w.Write(b); err != nil {
		panic(fmt.Errorf("wire: lz4: %w", err)) // a bytes.Buffer does not fail
	}
	if err := w.Close(); err != nil {
		panic(fmt.Errorf("wire: lz4: %w", err))
	}
	return out.Bytes()
}
