// Command sdk is an instrumented program for the system tests: it does what its argument says and prints its process id.
//
//	all      a bit of everything
//	million  a million samples in steps, one for each line that it reads
//	panic    main panics
//	crash    another goroutine panics, which nobody recovers
package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
)

var (
	frames  = sdk.Int("frames", "count", sdk.InTarget("game"))
	ratio   = sdk.Float("ratio", "none", sdk.InTarget("game"))
	number  = sdk.Int("number", "none", sdk.InTarget("game"))
	frame   = sdk.Span("frame", sdk.InTarget("game"))
	paint   = sdk.Span("paint", sdk.InTarget("game"))
	request = sdk.Span("request", sdk.InTarget("web"))
	lookup  = sdk.Span("lookup", sdk.InTarget("web"))
	started = sdk.NewMessage(sdk.LevelInfo, "started", sdk.InTarget("game"))
)

func main() {
	defer sdk.Start(sdk.Config{CrashReports: os.Args[1] == "crash", Patience: time.Minute})()
	fmt.Println(sdk.Default().ProcessID())
	switch os.Args[1] {
	case "all":
		all()
	case "million":
		million()
	case "panic":
		panic("out of paint")
	case "crash":
		go panic("nobody catches this")
		select {}
	}
}

func all() {
	red := sdk.NewProps("colour", "red")
	started.Log()
	started.LogWith(red)
	slog.New(sdk.NewHandler()).With("target", "game").WithGroup("g").Warn("slow", "frame", 7)
	frames.Record(3)
	frames.With(red).Record(-4)
	ratio.Record(0.25)

	track := sdk.NewTrack("painter")
	defer track.Close()
	for range 3 {
		track.Begin(frame)
		track.Begin(paint).EndWith(red)
		track.End()
	}

	ctx, span := sdk.StartSpan(context.Background(), request)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { sdk.Leaf(ctx, lookup).End() })
	}
	wg.Wait()
	span.EndWith(red)
}

// million records a tenth of a million samples for each line that it reads, on four goroutines, and sends them.
func million() {
	const steps, goroutines, samples = 10, 4, 25_000
	lines := bufio.NewScanner(os.Stdin)
	next := 0
	for range steps {
		lines.Scan()
		var wg sync.WaitGroup
		for g := range goroutines {
			first := int64(next + g*samples)
			wg.Go(func() {
				for i := range int64(samples) {
					number.Record(first + i)
				}
			})
		}
		wg.Wait()
		next += goroutines * samples
		fmt.Println(next)
	}
}
