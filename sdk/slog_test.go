package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/wire"
)

func TestSlog(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{Level: sdk.LevelTrace})
	log := slog.New(r.NewHandler())
	log.Log(t.Context(), sdk.SlogFatal, "fatal", "err", errors.New("boom"))
	log.Error("error", "d", time.Second, "nil", nil)
	log.Warn("warn", "f", 0.5, "any", struct{ A int }{1})
	log.With("a", 1).WithGroup("g").With("b", true).Info("info", "c", uint64(3), slog.Group("h", "d", 4))
	log.With("target", "elsewhere").Debug("debug")
	log.Log(t.Context(), sdk.SlogTrace, "trace", "target", "here")
	flush(t, r)
	wantEvents(t, s.Events(),
		`TaggedLogInterop 1  "fatal" err="boom"`,
		`TaggedLogInterop 2  "error" d="1s" nil="<nil>"`,
		`TaggedLogInterop 3  "warn" f="0.5" any="{A:1}"`,
		`TaggedLogInterop 4  "info" a="1" g.b="true" g.c="3" g.h.d="4"`,
		`TaggedLogInterop 5 elsewhere "debug"`,
		`TaggedLogInterop 6 here "trace"`,
	)
}

// TestSlogContract holds the handler to what log/slog demands of all. The entries carry no time of their own: they get
// the recorder's, as every event.
func TestSlogContract(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{})
	err := slogtest.TestHandler(r.NewHandler(), func() []map[string]any {
		flush(t, r)
		var all []map[string]any
		for _, e := range s.Events() {
			m := map[string]any{slog.LevelKey: e.Level, slog.MessageKey: e.Msg, slog.TimeKey: e.Ticks}
			for _, p := range e.Properties {
				in := m
				name := p.Name
				for {
					group, rest, ok := strings.Cut(name, ".")
					if !ok {
						break
					}
					inner, _ := in[group].(map[string]any)
					if inner == nil {
						inner = map[string]any{}
						in[group] = inner
					}
					in, name = inner, rest
				}
				in[name] = p.Value
			}
			all = append(all, m)
		}
		return all
	})
	for line := range strings.SplitSeq(errText(err), "\n") {
		// A zero time is to be left out; here every entry has a time, by design.
		if line != "" && !strings.Contains(line, `"time"`) {
			t.Error(line)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLevels(t *testing.T) {
	var console bytes.Buffer
	r, s := newRecorder(t, sdk.Options{Level: sdk.LevelInfo, Console: &console, ConsoleLevel: sdk.LevelError})
	a, b, below := r.NewLogger("a"), r.NewLogger("b"), r.NewLogger("a/b")
	say := func() {
		for _, l := range []*sdk.Logger{a, b, below} {
			l.Error("error")
			l.Debug("debug")
		}
	}
	taken := func(want ...string) {
		t.Helper()
		flush(t, r)
		got := s.Events()
		wantEvents(t, got[len(got)-len(want):], want...)
		if len(got) != len(want) {
			t.Errorf("%d events, want %d", len(got), len(want))
		}
	}
	want := []string{`TaggedLogInterop 2 a "error"`, `TaggedLogInterop 2 b "error"`, `TaggedLogInterop 2 a/b "error"`}
	say()
	taken(want...)
	if n := strings.Count(console.String(), "\n"); n != 3 || !strings.Contains(console.String(), " ERROR [a/b] error\n") {
		t.Errorf("console:\n%s", &console)
	}

	// The console does not care about what is sent, and the other way round.
	r.RemoteLevels().SetTarget("a", sdk.LevelTrace)
	r.RemoteLevels().SetMax(sdk.LevelOff)
	if !a.Enabled(sdk.LevelDebug) || b.Enabled(sdk.LevelDebug) || !b.Enabled(sdk.LevelError) {
		t.Error("enabled is wrong")
	}
	console.Reset()
	say()
	want = append(want, `TaggedLogInterop 2 a "error"`, `TaggedLogInterop 5 a "debug"`, `TaggedLogInterop 2 a/b "error"`, `TaggedLogInterop 5 a/b "debug"`)
	taken(want...)
	if n := strings.Count(console.String(), "\n"); n != 3 {
		t.Errorf("console:\n%s", &console)
	}

	if err := r.RemoteLevels().Set("off, a/b = warn"); err != nil {
		t.Fatal(err)
	}
	if err := r.ConsoleLevels().Set("loud,x=info"); err == nil || !strings.Contains(err.Error(), `"loud"`) {
		t.Errorf("Set = %v", err)
	}
	if got := r.ConsoleLevels().Max("x"); got != sdk.LevelError {
		t.Errorf("a bad text changed the console's level to %v", got)
	}
	say()
	taken(append(want, `TaggedLogInterop 2 a/b "error"`)...)
	r.RemoteLevels().ResetTarget("a/b")
	say()
	taken(append(want, `TaggedLogInterop 2 a/b "error"`)...)
}

func TestConsole(t *testing.T) {
	var console bytes.Buffer
	r, err := sdk.New(sdk.Options{Console: &console})
	if err != nil {
		t.Fatal(err)
	}
	r.NewLogger("x").Warn("bad \x1b[31m\nthing", slog.String("a b", "c"), slog.Int("n", 1)) //nolint:sloglint // to be quoted
	r.Message(started, sdk.NewProps("k", ""))
	r.Int(frames, 1)
	track := r.NewTrack("t")
	track.Begin(outer).End()
	track.Close()
	r.Root(outer).End()
	line := console.String()
	_, line, _ = strings.Cut(line, " ")
	if want := "WARN  [x] bad \\x1b[31m\nthing \"a b\"=c n=1\n"; !strings.HasPrefix(line, want) {
		t.Errorf("console %q, want %q", line, want)
	}
	if want := "INFO  [" + here + "] started k=\"\"\n"; !strings.HasSuffix(line, want) {
		t.Errorf("console %q, want %q", line, want)
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A text that names targets alone leaves the others as they were.
func TestLevelsOfTargetsAlone(t *testing.T) {
	r, err := sdk.Open(sdk.Config{
		Options:         sdk.Options{Sink: discard{}, ConsoleLevel: sdk.LevelWarn},
		NoSystemMetrics: true, NoInheritance: true, NoConsole: true, Getenv: func(name string) string {
			return map[string]string{sdk.EnvLevel: "net=trace, noisy=off"}[name]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	expect := func(levels sdk.Levels, want map[string]sdk.Level) {
		t.Helper()
		for target, level := range want {
			if got := levels.Max(target); got != level {
				t.Errorf("%s is taken up to %v, want %v", target, got, level)
			}
		}
	}
	expect(r.RemoteLevels(), map[string]sdk.Level{"other": sdk.LevelDebug, "net/http": sdk.LevelTrace, "noisy": sdk.LevelOff})
	for _, text := range []string{"x=error", "", " , "} {
		r.ConsoleLevels().SetMax(sdk.LevelTrace)
		if err := r.ConsoleLevels().Set(text); err != nil {
			t.Fatal(err)
		}
		expect(r.ConsoleLevels(), map[string]sdk.Level{"other": sdk.LevelWarn})
	}
	if err := r.ConsoleLevels().Set("off,x=error"); err != nil {
		t.Fatal(err)
	}
	expect(r.ConsoleLevels(), map[string]sdk.Level{"other": sdk.LevelOff, "x": sdk.LevelError})
}

// echo is a console that logs what it is given, and breaks.
type echo struct {
	log   *slog.Logger
	lines []string
}

func (e *echo) Write(line []byte) (int, error) {
	e.lines = append(e.lines, string(line))
	e.log.Info("written", "line", string(line))
	panic("broken")
}

// A console that leads back into the handler, as log.Writer() does, neither blocks nor goes round for ever.
func TestConsoleThatLogs(t *testing.T) {
	to := &echo{}
	r, s := newRecorder(t, sdk.Options{Console: to})
	to.log = slog.New(r.NewHandler())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				r.Message(started, sdk.Props{})
			}
		})
	}
	all.Wait()
	if len(to.lines) != 200 {
		t.Errorf("%d lines, want 200", len(to.lines))
	}
	for _, line := range to.lines {
		if !strings.Contains(line, "started") {
			t.Fatalf("the console shows %q", line)
		}
	}
	flush(t, r)
	if n := len(s.Events(wire.KindLog)); n != 400 {
		t.Errorf("%d entries are sent, want 400", n)
	}
}
