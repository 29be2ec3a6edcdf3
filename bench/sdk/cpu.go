package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sink"
)

// serve takes whatever comes, and says where.
func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }() // with the one that asked for it
	_ = http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
}

// cpu measures the processor time of recording, encoding, compressing and sending at a steady rate.
func cpu() {
	server := exec.Command(os.Args[0], "server")
	in, _ := server.StdinPipe()
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		panic(err)
	}
	defer in.Close()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		panic(err)
	}
	const (
		rate  = 100_000
		steps = 100 // a second
		full  = 20  // seconds
	)
	run := func(name string, record func(r *sdk.Recorder, t *sdk.Track, i int), clock sdk.Clock) {
		s, err := sink.New(sink.Options{URL: "http://" + strings.TrimSpace(address)})
		if err != nil {
			panic(err)
		}
		r, err := sdk.New(sdk.Options{Sink: s, Clock: clock, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			panic(err)
		}
		t := r.NewTrack("bench")
		tick := time.NewTicker(time.Second / steps)
		idle := used()
		begin := time.Now()
		for range full * steps / 4 { // the same loop without events
			<-tick.C
		}
		loop := float64(used()-idle) / float64(time.Since(begin))
		before := used()
		begin = time.Now()
		n := 0
		for range full * steps {
			<-tick.C
			for due := int(time.Since(begin) * rate / time.Second); n < due; n++ {
				record(r, t, n)
			}
		}
		if err := r.Shutdown(context.Background()); err != nil {
			panic(err)
		}
		share := float64(used()-before)/float64(time.Since(begin)) - loop
		fmt.Printf("%-46s %.2f %% of a processor, the waiting loop of %.2f %% not counted; %d sent\n",
			fmt.Sprintf("%d events/s, %s", rate, name), 100*share, 100*loop, s.Stats().Sent.Events)
	}
	run("spans on a track", func(_ *sdk.Recorder, t *sdk.Track, i int) {
		if i%2 == 0 {
			t.Begin(span)
		} else {
			t.End()
		}
	}, sdk.ClockAuto)
	run("metrics", func(r *sdk.Recorder, _ *sdk.Track, i int) { r.Int(samples, int64(i&1023)) }, sdk.ClockAuto)
	run("metrics, monotonic clock", func(r *sdk.Recorder, _ *sdk.Track, i int) { r.Int(samples, int64(i&1023)) }, sdk.ClockMonotonic)
}

// used is the processor time of this process so far.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
