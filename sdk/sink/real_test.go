package sink

import (
	"context"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func withKey(key string) DecoratorFactory {
	return func() (Decorator, error) { return NewAPIKeyDecorator(key) }
}

// long is more than anything here takes on a machine that is busy.
const long = 2 * time.Minute

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// once checks that blocks are there once each, with all events.
func once(t *testing.T, got []catalog.BlockRecord, events, want int64) {
	t.Helper()
	ids := map[telemetry.BlockID]int{}
	for _, b := range got {
		if ids[b.ID]++; ids[b.ID] > 1 {
			t.Errorf("block %s is there twice", b.ID)
		}
	}
	if events != want {
		t.Errorf("%d events arrived, want %d", events, want)
	}
}

// A130: each of the three routes is refused without the header.
func TestDeliversToTheServer(t *testing.T) {
	server := newIngestionServer(t).start()
	s, _ := open(t, Options{URL: server.url() + "/", Decorator: withKey(testKey)})
	src := newSource()
	src.register(s)
	const blocks, events = 20, 100
	for range blocks {
		s.Block(src.block(Logs, events))
	}
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	got, n := server.stored(src.process.ID)
	once(t, got, n, blocks*events)
	if st := s.Stats(); st.Sent.Events != blocks*events || st.Queued.Blocks != 0 || st.LostEvents() != 0 || st.State != "up" || st.Requests != blocks+2 {
		t.Errorf("Stats = %+v", st)
	}
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	server.end()
}

// The server is away when the program starts, goes away in the middle of a million events, and comes back each time.
func TestOutages(t *testing.T) {
	server := newIngestionServer(t).start()
	server.end()
	s, j := open(t, Options{URL: server.url(), Decorator: withKey(testKey)})
	src := newSource()
	src.register(s)
	const blocks, events = 1000, 1000
	for i := range blocks {
		s.Block(src.block(Kind(i%kinds), events))
		switch i {
		case blocks / 10: // later than it
			await(t, func() bool { return s.Stats().Retries >= 3 })
			server.start()
		case blocks / 2:
			await(t, func() bool { return s.Stats().Sent.Blocks > 0 })
			server.end()
			await(t, func() bool { s.Block(src.block(Logs, 0)); return s.Stats().State != "up" })
			server.start()
		}
	}
	if err := s.Flush(within(t, long)); err != nil {
		t.Fatal(err)
	}
	got, n := server.stored(src.process.ID)
	once(t, got, n, blocks*events)
	if st := s.Stats(); st.LostEvents() != 0 || st.Sent.Events != blocks*events {
		t.Errorf("Stats = %+v", st)
	}
	if j.count("delivered again") == 0 {
		t.Error("the end of the outage is not in the log")
	}
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	server.end()
}

// The server is away when the program ends; the next run of it sends what is left, under the first one's ids.
func TestOutageAtTheEnd(t *testing.T) {
	server := newIngestionServer(t).start()
	server.end()
	spool := t.TempDir()
	o := Options{URL: server.url(), Decorator: withKey(testKey), Spool: spool}
	s, _ := open(t, o)
	src := newSource()
	src.register(s)
	const blocks, events = 10, 50
	for range blocks {
		s.Block(src.block(Logs, events))
	}
	if err := s.Shutdown(within(t, 100*time.Millisecond)); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Left.Events != blocks*events || st.LostEvents() != 0 || st.State != "closed" {
		t.Errorf("Stats = %+v", st)
	}

	server.start()
	next, _ := open(t, o)
	second := newSource()
	second.register(next)
	next.Block(second.block(Logs, 1))
	await(t, func() bool { return next.Stats().Sent.Events == blocks*events+1 || next.Stats().LostEvents() > 0 })
	got, n := server.stored(src.process.ID)
	once(t, got, n, blocks*events)
	if files, err := newSpool(spool).list(time.Now()); err != nil || len(files) > 0 {
		t.Errorf("the spool still has %v, %v", files, err)
	}
	if err := next.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	server.end()
}
