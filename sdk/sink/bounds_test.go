package sink

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// fakeServer answers without a network, so that synctest can move the clock.
type fakeServer func(*http.Request) (int, http.Header, error)

func (f fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	code, header, err := f(r)
	if err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: header, Body: http.NoBody, Request: r}, nil
}

func unavailable(*http.Request) (int, http.Header, error) { return 503, nil, nil }

func sized(src *source, k Kind, size int) Block {
	b := src.block(k, 1)
	b.Size = size
	return b
}

// Oldest first, spans before everything else, and each loss is counted.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, Options{
			URL: "http://x", SoftBytes: 1000, HardBytes: 2000, Transport: fakeServer(unavailable),
		})
		defer s.stop()
		src := newSource()
		src.register(s)
		synctest.Wait() // the gate is shut by now
		add := func(k Kind, size int) { s.Block(sized(src, k, size)) }
		expect := func(what string, queued int64, lost [kinds]int64) {
			t.Helper()
			st := s.Stats()
			for k, want := range lost {
				if got := st.Lost[k][CauseQueue].Blocks; got != want {
					t.Errorf("%s: %d blocks of %v lost, want %d", what, got, Kind(k), want)
				}
			}
			if st.Queued.Bytes != queued {
				t.Errorf("%s: %d bytes queued, want %d", what, st.Queued.Bytes, queued)
			}
		}
		add(Spans, 400)
		add(Logs, 300)
		add(Spans, 300)
		expect("at the soft limit", 1000, [kinds]int64{})
		add(Metrics, 300)
		expect("above it the oldest spans go", 900, [kinds]int64{Spans: 1})
		time.Sleep(time.Microsecond)
		add(Logs, 1000)
		expect("then all spans", 1600, [kinds]int64{Spans: 2})
		add(Spans, 10)
		expect("and new ones", 1600, [kinds]int64{Spans: 3})
		add(Metrics, 400)
		expect("the hard limit", 2000, [kinds]int64{Spans: 3})
		add(Logs, 1)
		expect("above it the oldest of all go", 1701, [kinds]int64{Logs: 1, Spans: 3})
		time.Sleep(time.Microsecond)
		add(Logs, 5000)
		expect("one that is larger than everything", 0, [kinds]int64{Logs: 4, Metrics: 2, Spans: 3})
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, Options{
			URL: "http://x", MaxAge: time.Minute, Transport: fakeServer(unavailable),
		})
		defer s.stop()
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 3))
		time.Sleep(30 * time.Second)
		s.Block(src.block(Logs, 4))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Lost[Logs][CauseAge].Events != 3 || st.Queued.Events != 4 {
			t.Errorf("Stats = %+v", st)
		}
	})
}

// Priorities: logs, metrics, spans, each oldest first.
func TestOrder(t *testing.T) {
	d := newDoor(t)
	d.behave(status(503))
	s, _ := open(t, Options{URL: d.srv.URL, InFlight: 1})
	src := newSource()
	src.register(s)
	var blocks [kinds][]Block
	for i := range 9 {
		k := Kind(kinds - 1 - i%kinds)
		b := src.block(k, 1)
		blocks[k] = append(blocks[k], b)
		s.Block(b)
	}
	d.behave(nil)
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Fatal(err)
	}
	i := 0
	for k := range blocks {
		for _, b := range blocks[k] {
			if d.order[i] != b.ID {
				t.Errorf("block %d is not of the kind %v", i, Kind(k))
			}
			i++
		}
	}
}
