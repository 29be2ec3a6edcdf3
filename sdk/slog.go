package sdk

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// NewHandler returns a handler that logs with the default recorder; see [Recorder.NewHandler]:
//
//	slog.SetDefault(slog.New(sdk.NewHandler()))
func NewHandler() slog.Handler { return handler{} }

// NewHandler returns a handler for log/slog. Attributes become properties, groups prefixes of their names. An entry's
// target is the path of the package that logs, or the value of an attribute "target".
func (r *Recorder) NewHandler() slog.Handler { return handler{recorder: r} }

// TargetKey is the attribute that sets the target of an entry.
const TargetKey = "target"

// handler is a value: deriving one copies what it has.
type handler struct {
	recorder   *Recorder // nil: the default
	properties string    // of WithAttrs, as inline properties
	n          int
	prefix     string // of WithGroup, with a dot at its end
	target     uint32 // of WithAttrs; 0: none
}

func (h handler) on() *Recorder {
	if h.recorder != nil {
		return h.recorder
	}
	return logging.Load()
}

// Enabled implements slog.Handler. The target is not known here, unless the handler has one: what any target takes is
// let through and looked at again by Handle.
func (h handler) Enabled(_ context.Context, l slog.Level) bool {
	r := h.on()
	if r == nil {
		return false
	}
	level := fromSlog(l)
	if h.target != 0 {
		remote, console := r.levels.of(h.target)
		return level <= max(remote, console)
	}
	return level <= Level(r.levels.highest.Load())
}

// Handle implements slog.Handler.
func (h handler) Handle(_ context.Context, e slog.Record) error {
	r := h.on()
	if r == nil {
		return nil
	}
	var buf [512]byte
	text, n := append(buf[:0], h.properties...), h.n
	id := h.target
	e.Attrs(func(a slog.Attr) bool {
		if target, ok := h.targetIn(a); ok {
			id = target
			return true
		}
		text, n = appendAttr(text, n, h.prefix, a)
		return true
	})
	if id == 0 {
		id = callers.target(e.PC)
	}
	level := fromSlog(e.Level)
	remote, console := r.levels.of(id)
	if level <= console {
		at := e.Time
		if at.IsZero() {
			at = time.Now()
		}
		r.show(at, level, id, e.Message, text, n)
	}
	if level <= remote {
		r.text(level, id, e.Message, text, n)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	text, n := []byte(h.properties), h.n
	for _, a := range attrs {
		if target, ok := h.targetIn(a); ok {
			h.target = target
			continue
		}
		text, n = appendAttr(text, n, h.prefix, a)
	}
	h.properties, h.n = string(text), n
	return h
}

// targetIn is the target that an attribute sets, if it does; an empty one counts as none.
func (h handler) targetIn(a slog.Attr) (id uint32, ok bool) {
	if a.Key != TargetKey || h.prefix != "" {
		return 0, false
	}
	v := a.Value.Resolve()
	if v.Kind() != slog.KindString {
		return 0, false
	}
	if v.String() == "" {
		return 0, true
	}
	return targets.id(cut(v.String())), true
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

// callers remembers the targets of places that log.
var callers callerCache

// callerCache is a map that is copied to be changed: a program logs from a bounded number of places.
type callerCache struct {
	byPC atomic.Pointer[map[uintptr]uint32]
	mu   sync.Mutex
}

func (c *callerCache) target(pc uintptr) uint32 {
	if known := c.byPC.Load(); known != nil {
		if id, ok := (*known)[pc]; ok {
			return id
		}
	}
	return c.learn(pc)
}

func (c *callerCache) learn(pc uintptr) uint32 {
	var target string
	if pc != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		target = packageOf(frame.Function)
	}
	id := targets.id(target)
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[uintptr]uint32{pc: id}
	if known := c.byPC.Load(); known != nil {
		maps.Copy(next, *known)
	}
	c.byPC.Store(&next)
	return id
}
