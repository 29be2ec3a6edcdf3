package sink

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// A process that is told twice is still waited for no longer than until it is acknowledged.
func TestProcessTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, _ := open(t, Options{URL: "http://x", Transport: fakeServer(func(*http.Request) (int, http.Header, error) {
			asked++
			return 200, nil, nil
		})})
		defer s.stop()
		src := newSource()
		for range 2 {
			src.register(s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := s.Flush(ctx); err != nil {
				t.Error(err)
			}
		}
		src.process.Exe = "other" // and what has changed is sent
		src.register(s)
		if err := s.Flush(t.Context()); err != nil || asked != 2 {
			t.Errorf("%v; %d requests", err, asked)
		}
	})
}

// The record of a stream that has ended is kept for the blocks that are still to be sent, and no longer.
func TestEndStream(t *testing.T) {
	d := newDoor(t)
	d.behave(status(503))
	s, _ := open(t, Options{URL: d.srv.URL})
	src := newSource()
	const streams = 20
	for range streams {
		src.stream.ID = telemetry.StreamID(uuid.New())
		src.register(s)
		s.Block(src.block(Spans, 1))
		s.EndStream(src.stream.ID)
	}
	d.behave(nil)
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	if _, blocks := d.seen(); blocks != streams || d.early > 0 {
		t.Errorf("%d blocks arrived, %d of them before their records", blocks, d.early)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.records.streams); n != 0 {
		t.Errorf("%d streams are remembered", n)
	}
}

// Who flushes a sink that has ended learns that not everything was sent.
func TestFlushAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, Options{URL: "http://x", Transport: fakeServer(unavailable)})
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 7))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err == nil {
			t.Error("Shutdown = nil")
		}
		if err := s.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "7 events") {
			t.Errorf("Flush = %v", err)
		}
	})
}

// A file that cannot be read for now, because the program has too many open for example, is not damaged: it is tried
// again.
func TestSpoolFileOutOfReach(t *testing.T) {
	d := newDoor(t)
	d.behave(status(503))
	dir := t.TempDir()
	s, _ := open(t, Options{URL: d.srv.URL, Spool: dir})
	src := newSource()
	src.register(s)
	s.Block(src.block(Logs, 3))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Shutdown(ctx)
	files, err := filepath.Glob(filepath.Join(dir, "*"+spoolSuffix))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}

	s, log := open(t, Options{URL: d.srv.URL, Spool: dir})
	await(t, func() bool { return s.Stats().Spooled.Blocks == 1 })
	aside, loop := filepath.Join(t.TempDir(), "aside"), filepath.Join(t.TempDir(), "loop")
	if err := errors.Join(os.Link(files[0], aside), os.Symlink(filepath.Base(files[0]), loop), os.Rename(loop, files[0])); err != nil {
		t.Fatal(err)
	}
	d.behave(nil)
	await(t, func() bool { return log.count("spool") > 0 })
	if err := os.Rename(aside, files[0]); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return s.Stats().Sent.Events == 3 })
	if n := s.Stats().LostEvents(); n != 0 {
		t.Errorf("%d events lost", n)
	}
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
}

// A server, or somebody on the way to it, that repeats the request in its answer does not bring the key into logs.
func TestEchoedSecret(t *testing.T) {
	const key = "a-very-secret-key"
	decorator, err := NewAPIKeyDecorator(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, padding := range []int{0, 190, 505} { // the key is whole, and cut by what is shown
		d := newDoor(t)
		d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(strings.Repeat("\x01", padding) + strings.Repeat("x", min(padding, 190)) + "you sent " + r.Header.Get("Authorization")))
			return true
		})
		s, log := open(t, Options{URL: d.srv.URL, Decorator: func() (Decorator, error) { return decorator, nil }})
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 1))
		await(t, func() bool { return s.Stats().Err != "" })
		if text := s.Stats().Err; strings.Contains(text, "a-ver") {
			t.Errorf("Stats: %s", text)
		}
		s.stop()
		if text := log.all(); strings.Contains(text, "a-ver") || text == "" {
			t.Errorf("log: %s", text)
		}
	}
}

// What was lost before Shutdown is told by it, also when it runs out of time.
func TestShutdownTellsEarlierLoss(t *testing.T) {
	for name, dir := range map[string]string{"without a spool": "", "with a spool": t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := open(t, Options{URL: "http://x", Spool: dir, Transport: fakeServer(unavailable)})
			src := newSource()
			src.register(s)
			synctest.Wait()
			released := make(chan struct{})
			b := src.block(Spans, 7)
			b.Size = defaultHardBytes + 1
			b.Release = func() { close(released) }
			s.Block(b)
			<-released
			s.Block(src.block(Logs, 3))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := s.Shutdown(ctx)
			if err == nil || !strings.Contains(err.Error(), "7 events in 1 blocks were lost") {
				t.Errorf("%s: Shutdown = %v", name, err)
			}
			if told := err != nil && strings.Contains(err.Error(), "3 events"); told != (dir == "") {
				t.Errorf("%s: Shutdown = %v", name, err)
			}
		})
	}
}

// What is lost while Shutdown writes the rest into files is told by it.
func TestShutdownTellsLossOfTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, Options{URL: "http://x", Spool: t.TempDir(), Transport: fakeServer(unavailable)})
		src := newSource()
		src.register(s)
		synctest.Wait()
		b := src.block(Spans, 7)
		b.Encode = func() ([]byte, error) { return nil, errors.New("broken") }
		s.Block(b)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "7 events in 1 blocks were lost") {
			t.Errorf("Shutdown = %v", err)
		}
	})
}

// A loss is told to all who wait for it, and to those alone.
func TestLossIsToldToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuse atomic.Bool
		s, _ := open(t, Options{URL: "http://x", Transport: fakeServer(func(r *http.Request) (int, http.Header, error) {
			switch {
			case r.URL.Path != routeBlock:
				return 200, nil, nil
			case refuse.Load():
				return 400, nil, nil
			}
			return 503, nil, nil
		})})
		defer s.stop()
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 7))
		errs := make(chan error)
		for range 2 {
			go func() { errs <- s.Flush(t.Context()) }()
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Flush(short); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "lost") {
			t.Errorf("Flush that gave up = %v", err)
		}
		refuse.Store(true)
		for range 2 {
			if err := <-errs; err == nil || !strings.Contains(err.Error(), "7 events in 1 blocks were lost") {
				t.Errorf("Flush = %v", err)
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Errorf("the Flush after it = %v", err)
		}
	})
}

// The record of a process that changes while it is on its way is sent again.
func TestRecordChangesOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s, _ := open(t, Options{URL: "http://x", InFlight: 1, Transport: fakeServer(func(r *http.Request) (int, http.Header, error) {
			time.Sleep(time.Second)
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return 0, nil, err
			}
			if p, err := wire.DecodeProcess(body); err == nil {
				got = append(got, p.Exe)
			}
			return 200, nil, nil
		})})
		defer s.stop()
		src := newSource()
		src.register(s)
		synctest.Wait() // it is on its way
		src.process.Exe = "other"
		src.register(s)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if len(got) != 2 || got[1] != "other" {
			t.Errorf("the server got %q", got)
		}
	})
}

// A spool with very many streams does not make the sink remember them all.
func TestSpoolOfManyStreams(t *testing.T) {
	dir := t.TempDir()
	sp := newSpool(dir)
	src := newSource()
	const streams = maxLent + 50
	for range streams {
		src.stream.ID = telemetry.StreamID(uuid.New())
		b := src.block(Spans, 1)
		body, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		e := entry{kind: Spans, events: 1, created: src.offset, block: b.ID, stream: b.Stream, blockBody: body}
		e.processBody, e.streamBody = wire.EncodeProcess(src.process), wire.EncodeStream(src.stream)
		if _, _, err := sp.write(&e); err != nil {
			t.Fatal(err)
		}
	}
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL, Spool: dir})
	await(t, func() bool { return s.Stats().Sent.Blocks == streams })
	if d.early > 0 || s.Stats().LostEvents() > 0 {
		t.Errorf("%d blocks came before their streams; %+v", d.early, s.Stats())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.records.streams); n > maxLent {
		t.Errorf("%d streams are remembered", n)
	}
}

// unfitLog is a log that panics.
type unfitLog struct{ slog.Handler }

func (unfitLog) Enabled(context.Context, slog.Level) bool  { return true }
func (unfitLog) Handle(context.Context, slog.Record) error { panic("no log") }

// A transport and a log of the program's that panic break nothing (A139).
func TestPanicsOfTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, _ := open(t, Options{
			URL: "http://x", Log: slog.New(unfitLog{slog.DiscardHandler}), InFlight: 1,
			Transport: fakeServer(func(*http.Request) (int, http.Header, error) {
				if asked++; asked < 5 {
					panic("no transport")
				}
				return 200, nil, nil
			}),
		})
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 1))
		bad := src.block(Spans, 1)
		bad.Encode = nil
		s.Block(bad)
		if err := s.Shutdown(t.Context()); err == nil || s.Stats().Sent.Events != 1 {
			t.Errorf("Shutdown = %v, %+v", err, s.Stats())
		}
	})
}

// A transport, decorator or encoder of the program's that does not end does not keep the program from ending.
func TestShutdownLeavesWhatDoesNotEnd(t *testing.T) {
	for _, spool := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			release, released := make(chan struct{}), make(chan struct{})
			s, _ := open(t, Options{URL: "http://x", Spool: spool, Transport: fakeServer(func(r *http.Request) (int, http.Header, error) {
				if r.URL.Path == routeBlock {
					<-release
				}
				return 200, nil, nil
			})})
			src := newSource()
			src.register(s)
			s.Block(src.block(Logs, 7))
			b := src.block(Spans, 3)
			b.Encode = func() ([]byte, error) { <-release; defer close(released); return []byte{1}, nil }
			s.Block(b)
			synctest.Wait()
			s.Block(src.block(Logs, 1))
			s.Block(src.block(Logs, 1))
			synctest.Wait()
			begin := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), " could not be sent in time") {
				t.Errorf("Shutdown = %v", err)
			}
			if took := time.Since(begin); took > time.Second+stopGrace+spoolGrace {
				t.Errorf("Shutdown took %v", took)
			}
			before := s.Stats()
			if before.Queued != (Count{}) || before.LostEvents()+before.Left.Events != 12 {
				t.Errorf("Stats = %+v", before)
			}
			close(release)
			<-released
			synctest.Wait()
			if st := s.Stats(); st != before {
				t.Errorf("what was left to itself changed %+v to %+v", before, st)
			}
		})
	}
}
