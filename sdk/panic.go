package sdk

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// panicTarget is the target of panics and crashes.
const panicTarget = "panic"

// Recover reports a panic with the default recorder, and lets it go on. Defer it, by itself, where a goroutine begins:
//
//	go func() {
//		defer sdk.Recover()
//		…
//
// The panic becomes a log entry of level fatal with the stack, and everything recorded is sent before the panic goes on.
func Recover() {
	if v := recover(); v != nil {
		if r := logging.Load(); r != nil {
			r.panicked(v)
		}
		panic(v)
	}
}

// Recover reports a panic on the goroutine of the track and lets it go on, as [Recover] does.
func (t *Track) Recover() {
	if v := recover(); v != nil {
		if r := t.recorder; r != nil {
			r.panicked(v)
		}
		panic(v)
	}
}

// Recover reports a panic and lets it go on, as the function [Recover] does.
func (r *Recorder) Recover() {
	if v := recover(); v != nil {
		r.panicked(v)
		panic(v)
	}
}

// LogPanic logs a recovered value with the stack of the goroutine and does nothing else: it is for those who catch
// panics and go on, such as servers.
func (r *Recorder) LogPanic(level Level, v any) {
	if r == nil {
		return
	}
	text := describePanic(v, debug.Stack())
	target := targets.id(panicTarget)
	remote, console := r.levels.of(target)
	if level <= console {
		r.show(time.Now(), level, target, text, nil, 0)
	}
	if level <= remote {
		r.text(level, target, text, nil, 0)
	}
}

// panicked reports a panic that may end the program: it sends everything.
func (r *Recorder) panicked(v any) {
	// Not on the console: the runtime writes there when the program ends.
	if remote, _ := r.levels.of(targets.id(panicTarget)); remote >= LevelFatal {
		r.text(LevelFatal, targets.id(panicTarget), describePanic(v, debug.Stack()), nil, 0)
	}
	ctx, cancel := context.WithTimeout(context.Background(), defaultPatience)
	defer cancel()
	if err := r.Flush(ctx); err != nil {
		r.log.Error("telemetry before a panic is not sent", "err", err)
	}
}

// describePanic is the text of a panic: the value, and the stack from where it happened.
func describePanic(v any, stack []byte) string {
	text := string(stack)
	// Above the call of panic are only the frames that report it.
	if head, rest, ok := strings.Cut(text, "\n"); ok {
		if i := strings.Index(rest, "\npanic("); i >= 0 {
			rest = rest[i+1:]
			text = head + "\n" + rest
		}
	}
	return safely(func() string { return fmt.Sprintf("panic: %v", v) }) + "\n\n" + text
}
