package ingest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/wire"
)

func (s *Server) insertProcess(r *http.Request, b *body) error {
	p, err := wire.DecodeProcess(b.bytes())
	if err != nil {
		return malformed(err)
	}
	s.warnReserved(r.Context(), b.bytes(), "process_id", p.ID.String())
	if err := s.store(r.Context(), func(ctx context.Context) error { return s.sink.InsertProcess(ctx, p) }); err != nil {
		return err
	}
	s.count.processes.Add(1)
	return nil
}

func (s *Server) insertStream(r *http.Request, b *body) error {
	st, err := wire.DecodeStream(b.bytes())
	if err != nil {
		return malformed(err)
	}
	s.warnReserved(r.Context(), b.bytes(), "stream_id", st.ID.String())
	if err := s.store(r.Context(), func(ctx context.Context) error { return s.sink.InsertStream(ctx, st) }); err != nil {
		return err
	}
	s.count.streams.Add(1)
	return nil
}

func (s *Server) insertBlock(r *http.Request, b *body) error {
	block, payload, err := wire.DecodeBlock(b.bytes())
	if err != nil {
		return malformed(err)
	}
	if err := payload.Validate(); err != nil { // this route carries the native format only
		return malformed(err)
	}
	if err := s.store(r.Context(), func(ctx context.Context) error { return s.sink.Append(ctx, block, payload) }); err != nil {
		return err
	}
	b.recycle() // the payload lies in the body, and the sink is done with it
	s.count.blocks.Add(1)
	s.count.events.Add(max(0, int64(block.Objects)))
	s.count.payloadBytes.Add(block.PayloadSize)
	return nil
}

// malformed classifies an error of package wire, whose texts are about the body only.
func malformed(err error) error {
	if fault.Of(err) != nil {
		return err
	}
	return &fault.Error{Kind: fault.Invalid, Msg: printable(err.Error())}
}

// store runs one call of the sink within its time.
func (s *Server) store(parent context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(parent, s.opts.StoreTimeout)
	defer cancel()
	err := call(ctx)
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return fault.Wrap(fault.Canceled, "the client left", err)
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		return &fault.Error{
			Kind: fault.Unavailable, Msg: "storing takes too long",
			Fix: "send the same request again later", Err: err, RetryAfter: 2 * time.Second,
		}
	default:
		return err
	}
}

// warnReserved tells which properties were left out: only the server may set names under wire.ReservedPrefix.
func (s *Server) warnReserved(ctx context.Context, body []byte, idKey, id string) {
	if !bytes.Contains(body, []byte(wire.ReservedPrefix)) {
		return
	}
	names := wire.ReservedProperties(body)
	if len(names) == 0 {
		return
	}
	s.count.reservedProperties.Add(int64(len(names)))
	const shown = 8
	s.rejects.warn(ctx, "reserved properties dropped", idKey, id, "count", len(names),
		"names", printable(strings.Join(names[:min(shown, len(names))], " ")))
}

// printable makes a text from outside fit for one line of an answer or a log: no control characters, at most 512 bytes.
func printable(s string) string {
	const limit = 512
	s = strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
