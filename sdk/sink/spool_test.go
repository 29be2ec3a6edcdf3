package sink

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func testEntry() entry {
	return entry{
		kind: Metrics, events: 7, created: 1_700_000_000_123_456_789, block: telemetry.BlockID(uuid.New()), stream: telemetry.StreamID(uuid.New()),
		processBody: []byte("process"), streamBody: []byte("stream"), blockBody: []byte("block"),
	}
}

func TestSpoolFile(t *testing.T) {
	e := testEntry()
	data := e.encode()
	got, err := decodeEntry(data)
	if err != nil || !bytes.Equal(got.encode(), data) || string(got.blockBody) != "block" || got.block != e.block || got.stream != e.stream || got.events != 7 || got.kind != Metrics {
		t.Fatalf("decodeEntry = %+v, %v", got, err)
	}
	for n := range data {
		if _, err := decodeEntry(data[:n]); err == nil {
			t.Fatalf("a file cut to %d bytes is accepted", n)
		}
		bad := bytes.Clone(data)
		bad[n] ^= 1
		if _, err := decodeEntry(bad); err == nil {
			t.Fatalf("a file with a changed byte %d is accepted", n)
		}
	}
	if _, err := decodeEntry(append(bytes.Clone(data), 0)); err == nil {
		t.Error("a file with a byte too many is accepted")
	}
	name, ok := parseName(e.name())
	if !ok || name.block != e.block || name.kind != e.kind || name.events != e.events || name.created != e.created {
		t.Errorf("parseName(%s) = %+v, %v", e.name(), name, ok)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	e := testEntry()
	f.Add(e.encode())
	f.Add([]byte(spoolMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := decodeEntry(data); err == nil && !bytes.Equal(e.encode(), data) {
			t.Error("decoding and encoding does not give the same file")
		}
		// The same with a checksum that fits, which a fuzzer does not find.
		if len(data) >= spoolCRC {
			fitting := appendCRC(bytes.Clone(data[:len(data)-spoolCRC]))
			if e, err := decodeEntry(fitting); err == nil && !bytes.Equal(e.encode(), fitting) {
				t.Error("decoding and encoding does not give the same file")
			}
		}
	})
}

func FuzzParseName(f *testing.F) {
	e := testEntry()
	f.Add(e.name())
	f.Add("00000000000000000001-logs--1-x.mmspool")
	f.Fuzz(func(t *testing.T, name string) {
		if e, ok := parseName(name); ok {
			if again, ok := parseName(e.name()); !ok || again.name() != e.name() {
				t.Errorf("%q is read as %q, which is read differently", name, e.name())
			}
		}
	})
}

// In a long outage blocks move to files, within their limit, and arrive when it ends.
func TestSpoolInOutage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	d := newDoor(t)
	d.behave(status(503))
	// A queue that is over its soft limit moves to files without waiting.
	s, _ := open(t, Options{URL: d.srv.URL, Spool: dir, SoftBytes: 1, SpoolBytes: 4000})
	src := newSource()
	src.register(s)
	var kept []telemetry.BlockID
	for range 20 {
		b := src.block(Spans, 1)
		kept = append(kept, b.ID)
		s.Block(b)
		await(t, func() bool { return s.Stats().Queued.Blocks == 0 })
	}
	st := s.Stats()
	if st.Spooled.Bytes > 4000 || st.Spooled.Blocks == 0 || st.Spooled.Blocks+st.Lost[Spans][CauseQueue].Blocks != 20 {
		t.Errorf("Stats = %+v", st)
	}
	await(t, func() bool { // what was dropped is removed after it was counted
		files, err := newSpool(dir).list(time.Now())
		return err == nil && int64(len(files)) == st.Spooled.Blocks
	})
	d.behave(nil)
	lost := st.Lost[Spans][CauseQueue]
	if err := s.Shutdown(within(t, long)); err == nil || err.Error() != fmt.Sprintf("%d events in %d blocks were lost", lost.Events, lost.Blocks) {
		t.Errorf("Shutdown = %v, lost %+v", err, lost)
	}
	if int64(len(d.order)) != st.Spooled.Blocks || !slices.Equal(d.order, kept[20-len(d.order):]) {
		t.Errorf("%d blocks arrived: not the newest, oldest first", len(d.order))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A short outage touches no disk.
func TestSpoolWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, _ := open(t, Options{URL: "http://x", Spool: dir, Transport: fakeServer(unavailable)})
		defer s.stop()
		src := newSource()
		src.register(s)
		s.Block(src.block(Logs, 1))
		time.Sleep(spoolAfter - time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Spooled.Blocks != 0 {
			t.Errorf("after 4s: %+v", st)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Spooled.Blocks != 1 || st.Queued.Blocks != 0 || st.Queued.Bytes != 0 {
			t.Errorf("after 6s: %+v", st)
		}
	})
}

// Files that are broken are counted by what their names say; those that another program took are nobody's loss.
func TestSpoolBroken(t *testing.T) {
	dir := t.TempDir()
	sp := newSpool(dir)
	write := func(e entry) string {
		path, _, err := sp.write(&e)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole := testEntry()
	whole.kind, whole.events = Logs, 1 // looked at first: its process is the only thing that is under way for now
	src := newSource()
	body, err := src.block(Logs, whole.events).Encode()
	if err != nil {
		t.Fatal(err)
	}
	whole.stream, whole.blockBody = src.stream.ID, body
	whole.processBody, whole.streamBody = wire.EncodeProcess(src.process), wire.EncodeStream(src.stream)
	write(whole)
	e := testEntry()
	if err := os.Truncate(write(e), 60); err != nil {
		t.Fatal(err)
	}
	malformed := testEntry()
	malformed.events = 3
	write(malformed) // well formed as a file, but its records are not
	gone := testEntry()
	gone.kind = Spans
	taken := write(gone)
	old := filepath.Join(dir, e.name()+".1.tmp")
	for name, content := range map[string]string{old: "", filepath.Join(dir, "notes.txt"): "mine", filepath.Join(dir, e.name()+".2.tmp"): ""} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-2*tempAge)); err != nil {
		t.Fatal(err)
	}
	d := newDoor(t)
	removed := make(chan struct{})
	d.behave(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		select {
		case <-removed:
			return false
		case <-r.Context().Done(): // so that the server ends when the test has failed before
			return true
		}
	})
	s, j := open(t, Options{URL: d.srv.URL, Spool: dir, InFlight: 1, RequestTimeout: long})
	await(t, func() bool { return s.Stats().Spooled.Blocks == 4 })
	if err := os.Remove(taken); err != nil {
		t.Fatal(err)
	}
	close(removed)
	await(t, func() bool { return s.Stats().Spooled.Blocks == 0 })
	if err := s.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Lost[Metrics][CauseSpool].Events != 10 || st.LostEvents() != 10 || st.Sent.Events != 1 {
		t.Errorf("Stats = %+v", st)
	}
	if j.count("spool: ") == 0 || strings.Contains(j.all(), dir) {
		t.Errorf("the log is %s", j.all())
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A disk that does not take files costs nothing but the disk.
func TestSpoolUnwritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDoor(t)
	d.behave(status(503))
	s, j := open(t, Options{URL: d.srv.URL, Spool: dir, SoftBytes: 1})
	src := newSource()
	src.register(s)
	s.Block(src.block(Logs, 5))
	await(t, func() bool { return j.count("the spool can't be written") == 1 })
	d.behave(nil)
	if err := s.Flush(within(t, long)); err != nil {
		t.Error(err)
	}
	d.behave(status(503))
	s.Block(src.block(Logs, 6))
	if err := s.Shutdown(within(t, 20*time.Millisecond)); err == nil {
		t.Error("the loss is not told")
	}
	if st := s.Stats(); st.Sent.Events != 5 || st.Lost[Logs][CauseShutdown].Events != 6 {
		t.Errorf("Stats = %+v", st)
	}
}

// Two programs share a folder: each block arrives, and the server has it once.
func TestSpoolShared(t *testing.T) {
	dir := t.TempDir()
	d := newDoor(t)
	d.behave(status(503))
	o := Options{URL: d.srv.URL, Spool: dir}
	first, _ := open(t, o)
	src := newSource()
	src.register(first)
	const blocks = 30
	for range blocks {
		first.Block(src.block(Logs, 2))
	}
	if err := first.Shutdown(within(t, 20*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	d.behave(nil)
	a, _ := open(t, o)
	b, _ := open(t, o)
	empty := func() bool {
		files, err := newSpool(dir).list(time.Now())
		return err == nil && len(files) == 0 && a.Stats().Spooled.Blocks == 0 && b.Stats().Spooled.Blocks == 0
	}
	await(t, empty)
	if err := a.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	if err := b.Shutdown(within(t, long)); err != nil {
		t.Error(err)
	}
	if _, got := d.seen(); got != blocks || d.early > 0 || a.Stats().LostEvents()+b.Stats().LostEvents() > 0 {
		t.Errorf("%d blocks, %d early; %+v %+v", got, d.early, a.Stats(), b.Stats())
	}
}
