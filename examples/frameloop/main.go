// Command frameloop is the main loop of a game that nobody sees: thirty frames a second, each a span with spans inside.
//
//	MICROMEGAS_TELEMETRY_URL=http://127.0.0.1:9000 MICROMEGAS_INGESTION_API_KEY=… frameloop
package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
)

var (
	log       = sdk.NewLogger("frameloop")
	frame     = sdk.Span("frame")
	simulate  = sdk.Span("simulate")
	collide   = sdk.Span("collide")
	paint     = sdk.Span("paint")
	frameTime = sdk.Float("frame_time", "seconds")
	bodies    = sdk.Int("bodies", "count")
)

const rate = 30 // frames a second

func main() {
	defer sdk.Start(sdk.Config{})()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	track := sdk.NewTrack("main loop")
	defer track.Close()
	log.Info("started", slog.Int("rate", rate))
	next := time.NewTicker(time.Second / rate)
	defer next.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		begin := time.Now()
		draw(track, n)
		took := time.Since(begin)
		track.Float(frameTime, took.Seconds())
		if took > time.Second/rate {
			log.Warn("a frame took too long", slog.Int("number", n), slog.Duration("took", took))
		}
		<-next.C
	}
}

// draw makes one frame. Now and then there is far too much in it.
func draw(track *sdk.Track, n int) {
	defer track.Begin(frame).End()
	count := 200 + 100*(n%rate)/rate
	if n%(10*rate) == 0 {
		count *= 50
	}
	track.Int(bodies, int64(count))

	step := track.Begin(simulate)
	for i := range 4 {
		track.Begin(collide)
		work(count * (i + 1))
		track.End()
	}
	step.End()
	defer track.Begin(paint).End()
	work(count * 8)
}

func work(n int) {
	for x := 0.0; n > 0; n-- {
		for i := range 20 {
			x = math.Sqrt(x + float64(i))
		}
	}
}
