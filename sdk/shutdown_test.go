package sdk_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sdktest"
)

// slow is a sink whose end takes as long as it is let.
type slow struct {
	discard
	ending, let chan struct{}
	err         error
}

func (s slow) Shutdown(context.Context) error {
	close(s.ending)
	<-s.let
	return s.err
}

// Flush says that everything is stored, or why not, at the end too.
func TestFlushDuringShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("lost")
		to := slow{ending: make(chan struct{}), let: make(chan struct{}), err: lost}
		r, err := sdk.New(sdk.Options{Sink: to, FlushPeriod: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		r.Int(frames, 1)
		go func() { _ = r.Shutdown(context.Background()) }()
		<-to.ending
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush in the middle of Shutdown = %v", err)
		}
		close(to.let)
		if err := r.Flush(t.Context()); !errors.Is(err, lost) {
			t.Errorf("Flush after Shutdown = %v", err)
		}
	})
}

// What is measured is there however short a program is.
func TestMeasuredBeforeTheEnd(t *testing.T) {
	for range 20 {
		s := sdktest.NewSink()
		r, err := sdk.New(sdk.Options{Sink: s, SystemMetrics: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(s.Events(), func(e sdktest.Event) bool { return e.Name == "go_goroutines" }) {
			t.Fatal("nothing was measured")
		}
	}
}

// What Start returns ends its own recorder, not the one that has taken its place.
func TestStopLeavesOthersAlone(t *testing.T) {
	none := func(string) string { return "" }
	config := func() sdk.Config {
		return sdk.Config{
			Options: sdk.Options{Sink: discard{}}, NoSystemMetrics: true, NoConsole: true, NoInheritance: true, Getenv: none,
		}
	}
	stopFirst := sdk.Start(config())
	stop := sdk.Start(config())
	defer stop()
	second := sdk.Default()
	stopFirst()
	if sdk.Default() != second {
		t.Error("the second recorder is not the default one any more")
	}
}

// Options that New refuses leave nothing behind: goleak looks.
func TestOpenRefused(t *testing.T) {
	_, err := sdk.Open(sdk.Config{
		Options: sdk.Options{BlockBytes: -1}, NoInheritance: true, NoConsole: true, Getenv: func(name string) string {
			return map[string]string{"MICROMEGAS_TELEMETRY_URL": "http://127.0.0.1:1"}[name]
		},
	})
	if err == nil {
		t.Error("a negative size is taken")
	}
}

// Options go before the environment.
func TestLevelsOfOptionsGoFirst(t *testing.T) {
	r, err := sdk.Open(sdk.Config{
		Options:         sdk.Options{Sink: discard{}, Level: sdk.LevelWarn},
		NoSystemMetrics: true, NoInheritance: true, NoConsole: true, Getenv: func(name string) string {
			return map[string]string{sdk.EnvLevel: "trace", sdk.EnvConsoleLevel: "error"}[name]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	if sent, shown := r.RemoteLevels().Max("x"), r.ConsoleLevels().Max("x"); sent != sdk.LevelWarn || shown != sdk.LevelError {
		t.Errorf("sent up to %v, shown up to %v", sent, shown)
	}
}
