package ingest

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// growth is the factor between the sizes that a buffer goes through. Old and new are alive at once while the old is
// copied, so the last step takes 1.25 times the body.
const growth = 4

// body is the inflated body of one request, with its share of Server.memory.
type body struct {
	s        *Server
	buf      []byte // what has arrived; its capacity is what is reserved
	reusable bool
}

func (b *body) bytes() []byte { return b.buf }

// recycle says that nobody reads the bytes any more.
func (b *body) recycle() { b.reusable = true }

// release gives the share back.
func (b *body) release() {
	if b.buf == nil {
		return
	}
	b.s.memory.Release(int64(cap(b.buf)))
	if b.reusable {
		b.s.buffers.put(b.buf)
	}
	b.buf = nil
}

// readBody reads the body of r, inflated. Errors are for [Server.refuse].
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (*body, error) {
	in := newPacedReader(w, r, s.opts.BodyGrace)
	b, err := s.readAll(r, in)
	if err != nil {
		b.release()
		return nil, err
	}
	in.finish()
	s.count.bodyBytes.Add(int64(len(b.buf)))
	return b, nil
}

// readAll returns what it has also when it fails.
func (s *Server) readAll(r *http.Request, in *pacedReader) (*body, error) {
	b := &body{s: s}
	limit := s.opts.MaxBodyBytes
	if r.ContentLength > limit {
		return b, tooLarge(fmt.Sprintf("the body has %d bytes", r.ContentLength), limit)
	}
	in.limit = limit
	src, size, err := io.Reader(in), limit, error(nil)
	switch coding := contentCoding(r.Header); coding {
	case "", "identity":
		if r.ContentLength >= 0 {
			size = r.ContentLength
		}
	case "gzip", "x-gzip":
		z, err := s.buffers.inflate(in)
		if err != nil {
			return b, s.readError(r, err)
		}
		defer s.buffers.deflated(z)
		src = z
	default:
		return b, &statusError{
			status: http.StatusUnsupportedMediaType,
			msg:    "this Content-Encoding is not supported; send the body as it is or compressed with gzip",
			err:    fmt.Errorf("content-encoding %.64q", coding),
		}
	}
	if err = b.fill(r.Context(), src, size); err != nil {
		return b, s.readError(r, err)
	}
	if len(b.buf) == 0 {
		return b, fault.New(fault.Invalid, "the body is empty; it must be one CBOR map")
	}
	return b, nil
}

// fill reads src to its end. A source of more than size bytes is an error.
func (b *body) fill(ctx context.Context, src io.Reader, size int64) error {
	var beyond [512]byte // read when the buffer is full, to see whether there is more before it grows
	for {
		dst := b.buf[len(b.buf):cap(b.buf)]
		if len(dst) == 0 {
			dst = beyond[:]
		}
		n, err := src.Read(dst)
		if int64(len(b.buf))+int64(n) > size {
			return errTooLong
		}
		switch {
		case n == 0:
		case len(b.buf) < cap(b.buf):
			b.buf = b.buf[:len(b.buf)+n]
		default:
			if err := b.grow(ctx, size); err != nil {
				return err
			}
			b.buf = append(b.buf, dst[:n]...)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// grow makes room for more, towards a body of size bytes. The room is in proportion to what has arrived: the largest of
// size, size/4, size/16, … that is at most four times as much.
func (b *body) grow(ctx context.Context, size int64) error {
	want := size
	for want/growth > int64(cap(b.buf)) && want/growth >= minBuffer {
		want /= growth
	}
	want = bufferSize(max(want, int64(len(b.buf))+1))
	if err := b.s.reserve(ctx, want); err != nil {
		return err
	}
	old := b.buf
	b.buf = append(b.s.buffers.get(want), old...)
	if old != nil {
		b.s.memory.Release(int64(cap(old)))
		b.s.buffers.put(old)
	}
	return nil
}

// reserve takes n bytes of the memory for bodies.
func (s *Server) reserve(ctx context.Context, n int64) error {
	if s.memory.TryAcquire(n) {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, s.opts.AdmissionTimeout)
	defer cancel()
	if err := s.memory.Acquire(wait, n); err != nil {
		if ctx.Err() != nil {
			return fault.Wrap(fault.Canceled, "the client left", err)
		}
		return &fault.Error{
			Kind: fault.Unavailable, Msg: "the server's memory for request bodies is in use",
			Fix: "send the same request again later", Err: err, RetryAfter: time.Second,
		}
	}
	return nil
}

// errTooLong is what readers of bodies return past the limit.
var errTooLong = errors.New("longer than the limit")

func tooLarge(what string, limit int64) error {
	return &fault.Error{
		Kind: fault.TooLarge,
		Msg:  fmt.Sprintf("%s; length limit exceeded: %d bytes are allowed, compressed and inflated", what, limit),
		Fix:  "send smaller blocks",
	}
}

// readError classifies what reading a body returned.
func (s *Server) readError(r *http.Request, err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case fault.Of(err) != nil:
		return err
	case errors.Is(err, errTooLong):
		return tooLarge("the body is too long", s.opts.MaxBodyBytes)
	case timedOut(err):
		return &statusError{http.StatusRequestTimeout, "the body came too slowly", err}
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), corrupt:
		return fault.Wrap(fault.Invalid, "the body is not what Content-Encoding says: its gzip data is damaged", err)
	case r.Context().Err() != nil:
		return fault.Wrap(fault.Canceled, "the client left", err)
	case errors.Is(err, io.EOF): // only gzip's header reader leaves it as it is
		return fault.New(fault.Invalid, "the body is empty; it must be one CBOR map")
	default:
		return fault.Wrap(fault.Invalid, "the body ends before its end or is framed wrongly", err)
	}
}

func timedOut(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func contentCoding(h http.Header) string {
	return strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ",")))
}
