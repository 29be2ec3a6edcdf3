package sink

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cut ends the connection without an answer.
func cut(http.ResponseWriter, *http.Request, int) bool { panic(http.ErrAbortHandler) }

func TestFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request, n int) bool{
		"503": status(503), "500": status(500), "502": status(502), "429": status(429), "408": status(408), "cut": cut,
		"hang": func(_ http.ResponseWriter, r *http.Request, _ int) bool { <-r.Context().Done(); return true },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.behave(func(w http.ResponseWriter, r *http.Request, n int) bool {
				return n%4 == 0 && fault(w, r, n) // three in a row pass: process, stream, block
			})
			s, _ := open(t, Options{URL: d.srv.URL, RequestTimeout: 50 * time.Millisecond})
			src := newSource()
			src.register(s)
			for i := range 9 {
				s.Block(src.block(Kind(i%kinds), 10))
			}
			if err := s.Shutdown(within(t, long)); err != nil {
				t.Error(err)
			}
			if _, blocks := d.seen(); blocks != 9 || d.early > 0 {
				t.Errorf("%d blocks arrived, %d of them before their records", blocks, d.early)
			}
			if st := s.Stats(); st.Sent.Events != 90 || st.LostEvents() != 0 || st.Retries == 0 {
				t.Errorf("Stats = %+v", st)
			}
		})
	}
}

// After a failure the server may be another one: process and stream are sent again before the next block.
func TestRecordsAreSentAgain(t *testing.T) {
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL})
	src := newSource()
	src.register(s)
	s.Block(src.block(Logs, 1))
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	// A server that has lost everything, after one failure.
	d.mu.Lock()
	clear(d.processes)
	clear(d.streams)
	d.mu.Unlock()
	failed := false
	d.behave(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		if failed {
			return false
		}
		failed = true
		w.WriteHeader(503)
		return true
	})
	s.Block(src.block(Logs, 1))
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Fatal(err)
	}
	if d.processes[src.process.ID] != 1 || d.streams[src.stream.ID] != 1 || d.early > 0 || len(d.blocks) != 2 {
		t.Errorf("the new server has %d processes, %d streams; %d blocks came before them", len(d.processes), len(d.streams), d.early)
	}
}

// A server that says that it does not know the stream gets the records, then the block.
func TestUnknownStream(t *testing.T) {
	for _, code := range []int{404, 409, 412, 424} {
		d := newDoor(t)
		s, _ := open(t, Options{URL: d.srv.URL})
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 1))
		if err := s.Flush(within(t, long)); err != nil {
			t.Fatal(err)
		}
		d.mu.Lock()
		clear(d.processes)
		clear(d.streams)
		d.mu.Unlock()
		d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			if r.URL.Path != routeBlock || len(d.streams) > 0 {
				return false
			}
			w.WriteHeader(code)
			return true
		})
		s.Block(src.block(Logs, 1))
		if err := s.Flush(within(t, long)); err != nil {
			t.Fatal(err)
		}
		if len(d.processes) != 1 || len(d.streams) != 1 || len(d.blocks) != 2 {
			t.Errorf("%d: %d processes, %d streams, %d blocks", code, len(d.processes), len(d.streams), len(d.blocks))
		}
		// A server that never learns it: the block is lost, and counted.
		d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.URL.Path == routeBlock {
				w.WriteHeader(code)
			}
			return r.URL.Path == routeBlock
		})
		s.Block(src.block(Logs, 7))
		if err := s.Flush(within(t, long)); err == nil || !strings.Contains(err.Error(), "7 events in 1 blocks were lost") {
			t.Errorf("%d: Flush = %v", code, err)
		}
		if st := s.Stats(); st.Lost[Logs][CauseRejected].Events != 7 {
			t.Errorf("Stats = %+v", st)
		}
	}
}

// What the server will never take is dropped, counted and told; what comes after it arrives.
func TestRefusedForGood(t *testing.T) {
	for _, code := range []int{400, 415, 422} {
		d := newDoor(t)
		s, j := open(t, Options{URL: d.srv.URL})
		src := newSource()
		src.register(s)
		if err := s.Flush(within(t, long)); err != nil {
			t.Fatal(err)
		}
		first := true
		d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.URL.Path != routeBlock || !first {
				return false
			}
			first = false
			http.Error(w, "payload: bad\x00 frame", code)
			return true
		})
		s.Block(src.block(Metrics, 5))
		_ = s.Flush(within(t, long))
		s.Block(src.block(Metrics, 6))
		if err := s.Shutdown(within(t, long)); err != nil {
			t.Errorf("%d: Shutdown = %v", code, err)
		}
		if st := s.Stats(); st.Lost[Metrics][CauseRejected].Events != 5 || st.Sent.Events != 6 || st.LostOf(Metrics) != st.LostBy(CauseRejected) {
			t.Errorf("%d: Stats = %+v", code, st)
		}
		if j.count("payload: bad frame") != 1 || j.count("telemetry was lost") != 1 || j.count("events=5") != 1 {
			t.Errorf("%d: the log is %s", code, j.all())
		}
	}
}

// One block that the server chokes on costs itself, not the others.
func TestPoison(t *testing.T) {
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request, n int) bool{"500": status(500), "cut": cut} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			s, _ := open(t, Options{URL: d.srv.URL, BlocksRetry: RetryPolicy{First: time.Millisecond, Max: 2 * time.Millisecond}})
			src := newSource()
			src.register(s)
			d.behave(func(w http.ResponseWriter, r *http.Request, n int) bool {
				return r.ContentLength > 5000 && fault(w, r, n)
			})
			poison := src.block(Logs, 10)
			poison.Encode = func() ([]byte, error) { return make([]byte, 6000), nil }
			s.Block(poison)
			told := 0 // by the Flush during which it was lost, or the first one afterwards
			tells := func(err error) bool {
				tells := err != nil && strings.Contains(err.Error(), "10 events in 1 blocks were lost")
				if tells {
					told++
				}
				return tells
			}
			for s.Stats().Lost[Logs][CauseRejected].Blocks == 0 {
				s.Block(src.block(Spans, 1))
				if err := s.Flush(within(t, 20*time.Millisecond)); !tells(err) && err != nil && s.Stats().Sent.Blocks > 1000 {
					t.Fatal(err)
				}
			}
			if err := s.Flush(within(t, long)); !tells(err) && err != nil {
				t.Error(err)
			}
			if told != 1 {
				t.Errorf("the loss was told %d times", told)
			}
			if st := s.Stats(); st.Lost[Logs][CauseRejected].Events != 10 || st.LostEvents() != 10 || st.Sent.Blocks < maxStrikes-1 {
				t.Errorf("Stats = %+v", st)
			}
		})
	}
}

// A policy with a number of attempts gives up after it.
func TestAttemptsRunOut(t *testing.T) {
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL, BlocksRetry: RetryPolicy{Attempts: 3}})
	src := newSource()
	src.register(s)
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	blocks := 0
	d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Path == routeBlock {
			blocks++
			w.WriteHeader(503)
			return true
		}
		return false
	})
	s.Block(src.block(Logs, 4))
	if err := s.Flush(within(t, long)); err == nil {
		t.Error("Flush does not tell the loss")
	}
	if st := s.Stats(); blocks != 3 || st.Lost[Logs][CauseRejected].Events != 4 {
		t.Errorf("%d attempts, Stats = %+v", blocks, st)
	}
}

// Encoders that fail or panic cost their block and not the program (A139).
func TestEncoderFails(t *testing.T) {
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL})
	src := newSource()
	src.register(s)
	released := make(chan struct{}, 4)
	for _, encode := range []func() ([]byte, error){
		nil,
		func() ([]byte, error) { return nil, nil },
		func() ([]byte, error) { return nil, errors.New("broken") },
		func() ([]byte, error) { panic("broken") },
	} {
		b := src.block(Spans, 1)
		b.Encode = encode
		b.Release = func() { released <- struct{}{}; panic("broken too") }
		s.Block(b)
	}
	if err := s.Flush(within(t, long)); err == nil {
		t.Error("Flush does not tell the loss")
	}
	if st := s.Stats(); st.Lost[Spans][CauseEncoding].Blocks != 4 {
		t.Errorf("Stats = %+v", st)
	}
	for range 4 {
		<-released
	}
}

// What was lost while nobody waited is told by the next Flush, once.
func TestFlushTellsEarlierLoss(t *testing.T) {
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL})
	src := newSource()
	src.register(s)
	released := make(chan struct{})
	b := src.block(Spans, 7)
	b.Encode = func() ([]byte, error) { return nil, errors.New("broken") }
	b.Release = func() { close(released) }
	s.Block(b)
	<-released
	if err := s.Flush(within(t, long)); err == nil || !strings.Contains(err.Error(), "7 events in 1 blocks were lost") {
		t.Errorf("Flush = %v", err)
	}
	s.Block(src.block(Spans, 1))
	if err := s.Flush(within(t, long)); err != nil {
		t.Errorf("the Flush after it = %v", err)
	}
}

// Encode is called once, and Release after it, also when the block is sent many times.
func TestEncodesOnce(t *testing.T) {
	d := newDoor(t)
	d.behave(func(w http.ResponseWriter, r *http.Request, n int) bool { return n < 6 && status(503)(w, r, n) })
	s, _ := open(t, Options{URL: d.srv.URL})
	src := newSource()
	src.register(s)
	b := src.block(Logs, 3)
	inner, encoded, released := b.Encode, 0, 0
	b.Encode = func() ([]byte, error) { encoded++; return inner() }
	b.Release = func() { released++ }
	s.Block(b)
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Fatal(err)
	}
	if encoded != 1 || released != 1 {
		t.Errorf("encoded %d times, released %d times", encoded, released)
	}
}

// Redirects and paths without an ingestion server are a mistake in the configuration: nothing is lost, it is said aloud,
// and the credential goes nowhere else.
func TestWrongAddress(t *testing.T) {
	other := newDoor(t)
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request, n int) bool{
		"redirect": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			http.Redirect(w, r, other.srv.URL+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		},
		"no such path": status(404), "no such method": status(405),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.behave(fault)
			s, j := open(t, Options{URL: d.srv.URL, Decorator: withKey(testKey)})
			src := newSource()
			src.register(s)
			s.Block(src.block(Logs, 1))
			await(t, func() bool { return j.count("check MICROMEGAS_TELEMETRY_URL") == 1 })
			if st := s.Stats(); st.State != "held" || st.LostEvents() != 0 || st.Queued.Events != 1 {
				t.Errorf("Stats = %+v", st)
			}
			if n, _ := other.seen(); n > 0 {
				t.Error("the redirect was followed")
			}
		})
	}
}

func TestShutdownCountsWhatIsLeft(t *testing.T) {
	d := newDoor(t)
	d.behave(status(503))
	s, j := open(t, Options{URL: d.srv.URL})
	src := newSource()
	src.register(s)
	s.Block(src.block(Logs, 5))
	s.Block(src.block(Spans, 6))
	if err := s.Flush(within(t, 20*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "11 events in 2 blocks are not acknowledged yet") {
		t.Errorf("Flush = %v", err)
	}
	err := s.Shutdown(within(t, 20*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "11 events of telemetry in 2 blocks could not be sent in time") {
		t.Errorf("Shutdown = %v", err)
	}
	s.Block(src.block(Logs, 1)) // too late
	s.Process(nil)
	if st := s.Stats(); st.LostBy(CauseShutdown).Events != 12 || st.Queued != (Count{}) || st.State != "closed" {
		t.Errorf("Stats = %+v", st)
	}
	if j.count("cause=shutdown") != 2 {
		t.Errorf("the log is %s", j.all())
	}
	if again := s.Shutdown(t.Context()); again == nil || again.Error() != err.Error() {
		t.Errorf("the second Shutdown = %v", again)
	}
	if err := s.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "12 events in 3 blocks are not acknowledged") {
		t.Errorf("Flush after Shutdown = %v", err)
	}
}

// A server that takes records and no blocks, because its store is full: nothing is lost, and the delays grow.
func TestStoreIsDown(t *testing.T) {
	d := newDoor(t)
	down := true
	d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if down && r.URL.Path == routeBlock {
			w.WriteHeader(503)
			return true
		}
		return false
	})
	s, _ := open(t, Options{URL: d.srv.URL, BlocksRetry: RetryPolicy{First: time.Millisecond, Max: time.Hour}})
	src := newSource()
	src.register(s)
	for range 20 {
		s.Block(src.block(Logs, 1))
	}
	trips := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.gate.trips
	}
	await(t, func() bool { return trips() > 6 })
	d.mu.Lock()
	down = false
	d.mu.Unlock()
	if err := s.Flush(within(t, long)); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Sent.Blocks != 20 || st.State != "up" {
		t.Errorf("Stats = %+v", st)
	}
}
