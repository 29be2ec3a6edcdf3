package sdk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// envCrashMonitor makes a process the monitor of the one that started it.
const envCrashMonitor = "MICROMEGAS_CRASH_MONITOR"

// maxCrash bounds the text of a crash; programs with very many goroutines write more.
const maxCrash = maxText

// startMonitor starts a process that reports this one's crash, see [Config.CrashReports]. Over a pipe it gets the
// record of this process, after its length, and then whatever the runtime says when it gives up.
func startMonitor(r *Recorder) (stop func(), err error) {
	none := func() {}
	exe, err := os.Executable()
	if err != nil {
		return none, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return none, err
	}
	defer in.Close()
	//nolint:gosec,noctx // G204: this very program; it outlives every context, that is its task
	monitor := exec.Command(exe, os.Args[1:]...)
	monitor.Env = append(os.Environ(), envCrashMonitor+"=1")
	monitor.Stdin, monitor.Stderr = in, os.Stderr
	if err := monitor.Start(); err != nil {
		_ = out.Close()
		return none, err
	}
	end := func() {
		_ = out.Close()
		_ = monitor.Wait() // it has said on standard error what went wrong
	}
	record := wire.EncodeProcess(r.process)
	_, err = out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(record))), record...))
	if err == nil {
		err = debug.SetCrashOutput(out, debug.CrashOptions{})
	}
	if err != nil {
		end()
		return none, err
	}
	return func() {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
		end()
	}, nil
}

// monitorCrash waits until the process at the other end of the pipe is gone, and reports what it died of, if it said so.
func monitorCrash(in io.Reader, getenv func(string) string) {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // meant for the program
	if err := reportCrash(in, getenv); err != nil {
		fmt.Fprintln(os.Stderr, "crash report:", err)
	}
}

func reportCrash(in io.Reader, getenv func(string) string) error {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil // it ended before there was anything to report
	}
	record := make([]byte, min(binary.LittleEndian.Uint32(head[:]), maxCrash))
	if _, err := io.ReadFull(in, record); err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxCrash))
	_, _ = io.Copy(io.Discard, in) // who cannot write does not end
	if len(text) == 0 {
		return err
	}
	process, err := wire.DecodeProcess(record)
	if err != nil {
		return err
	}
	o, err := sink.FromEnv(getenv, nil)
	if err != nil {
		return err
	}
	if o.URL == "" {
		return errors.New("there is no server to report to")
	}
	s, err := sink.New(o)
	if err != nil {
		return err
	}
	s.Process(record)
	stream := telemetry.StreamID(newID())
	block := crashBlock(process, stream, string(text))
	dependencies, objects := wire.LogLayouts()
	s.Stream(stream, wire.EncodeStream(telemetry.Stream{
		ID: stream, ProcessID: process.ID, Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
		DependenciesMetadata: dependencies.Encode(), ObjectsMetadata: objects.Encode(),
	}))
	s.Block(block)
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Shutdown(ctx)
}

// crashBlock is a block of one entry in the name of a process that is no more. Its clock counts nanoseconds, so the wall
// clock of now gives its ticks.
func crashBlock(p telemetry.Process, stream telemetry.StreamID, text string) sink.Block {
	now := telemetry.TimeOf(time.Now())
	ticks := p.StartTicks + telemetry.Ticks(now-p.StartTime)
	b := telemetry.Block{
		ID: telemetry.BlockID(newID()), StreamID: stream, ProcessID: p.ID, BeginTime: now, EndTime: now,
		BeginTicks: ticks - p.StartTicks, EndTicks: ticks - p.StartTicks,
	}
	var logs wire.LogBuilder
	logs.Add(ticks, wire.LevelFatal, panicTarget, strings.TrimSpace(text), nil)
	payload, n := logs.Finish()
	b.Objects = n
	body := wire.EncodeBlock(b, payload)
	return sink.Block{
		ID: b.ID, Stream: stream, Kind: sink.Logs, Events: int(n), Size: len(body),
		Encode: func() ([]byte, error) { return body, nil },
	}
}
