package sink

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/wire"
)

// attempts runs a sink with one block for a time and returns when requests were made.
func attempts(t *testing.T, d time.Duration, o Options, f fakeServer) (at []time.Duration, j *journal) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		o.URL = "http://x"
		o.Transport = fakeServer(func(r *http.Request) (int, http.Header, error) {
			at = append(at, time.Since(start))
			return f(r)
		})
		o.BlocksRetry = RetryPolicy{First: 250 * time.Millisecond, Max: 30 * time.Second}
		var s *Sink
		s, j = open(t, o)
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 1))
		s.Block(src.block(Spans, 1))
		time.Sleep(d)
		s.stop()
	})
	return at, j
}

// Delays double, with jitter, up to the cap; one request at a time.
func TestDelays(t *testing.T) {
	for name, f := range map[string]fakeServer{
		"503":     func(*http.Request) (int, http.Header, error) { return 503, nil, nil },
		"nothing": func(*http.Request) (int, http.Header, error) { return 0, nil, errors.New("connection refused") },
	} {
		at, j := attempts(t, 10*time.Minute, Options{}, f)
		want := 250 * time.Millisecond
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap < want/2 || gap > want*2 {
				t.Errorf("%s: attempt %d came after %v, want about %v", name, i, gap, want)
			}
			want = min(want*2, 30*time.Second)
		}
		if len(at) < 20 || len(at) > 60 {
			t.Errorf("%s: %d attempts in ten minutes", name, len(at))
		}
		if n := j.count("can't be delivered"); n < 2 || n > 3 {
			t.Errorf("%s: told %d times in ten minutes", name, n)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, code := range []int{503, 429, 500} {
		at, _ := attempts(t, time.Minute, Options{}, func(*http.Request) (int, http.Header, error) {
			return code, http.Header{"Retry-After": {"7"}}, nil
		})
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap < 7*time.Second {
				t.Errorf("%d: attempt %d came after %v", code, i, gap)
			}
		}
		if len(at) < 5 {
			t.Errorf("%d: %d attempts", code, len(at))
		}
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-3": 0, "3": 3 * time.Second, "99999999999": maxRetryAfter, "soon": 0,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", text, got, want)
		}
	}
}

// A wrong key holds: at least a minute between attempts, and a warning each time.
func TestHold(t *testing.T) {
	for _, code := range []int{401, 403} {
		at, j := attempts(t, 10*time.Minute, Options{Decorator: withKey(testKey)}, func(*http.Request) (int, http.Header, error) { return code, nil, nil })
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap < time.Minute {
				t.Errorf("%d: attempt %d came after %v", code, i, gap)
			}
		}
		if len(at) < 8 || j.count("is refused and kept back") != len(at) {
			t.Errorf("%d: %d attempts, %d warnings", code, len(at), j.count("is refused and kept back"))
		}
	}
}

// Somebody who waits makes attempts come more often, but not more often than the server asks.
func TestFlushHurries(t *testing.T) {
	for name, c := range map[string]struct {
		header    http.Header
		low, high int
	}{
		"by itself":         {nil, 6, 12},
		"the server's wish": {http.Header{"Retry-After": {"60"}}, 0, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := open(t, Options{
				URL:         "http://x",
				BlocksRetry: RetryPolicy{First: time.Minute, Max: time.Minute},
				Transport:   fakeServer(func(*http.Request) (int, http.Header, error) { return 503, c.header, nil }),
			})
			defer s.stop()
			src := newSource()
			src.register(s)
			synctest.Wait()
			before := s.Stats().Requests
			if err := s.Flush(within(t, 10*time.Second)); err == nil {
				t.Error("Flush did not fail")
			}
			if n := int(s.Stats().Requests - before); n < c.low || n > c.high {
				t.Errorf("%s: %d attempts in 10s", name, n)
			}
		})
	}
}

// One process that is forbidden, as one of another owner in a shared spool, does not hold back the others.
func TestForbiddenAlone(t *testing.T) {
	d := newDoor(t)
	s, _ := open(t, Options{URL: d.srv.URL, InFlight: 1})
	src, other := newSource(), newSource()
	other.process.Exe = "a longer name than the other one has"
	theirs := int64(len(wire.EncodeProcess(other.process)))
	d.behave(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Path != routeProcess || r.ContentLength != theirs {
			return false
		}
		w.WriteHeader(403)
		return true
	})
	s.mu.Lock()
	s.records.process(other.process.ID).attempts = 1 // it was forbidden before, when nothing was taken
	s.mu.Unlock()
	src.register(s)
	s.Block(src.block(Logs, 1))
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	other.register(s)
	s.Block(other.block(Logs, 1))
	s.Block(src.block(Metrics, 1))
	await(t, func() bool { return s.Stats().Sent.Blocks == 2 })
	if st := s.Stats(); st.State != "up" || st.Queued.Blocks != 1 {
		t.Errorf("Stats = %+v", st)
	}
}
