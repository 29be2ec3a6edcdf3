package sdk

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// Levels decides up to which level log entries are taken, for everything and for single targets, and can be changed at
// any time. A [Recorder] has two of them, independent of each other: for what is sent and for the console.
type Levels struct {
	table *levelTable
	rules *rules
}

// rules are a maximum and exceptions from it.
type rules struct {
	usual   Level // the maximum where nobody says otherwise
	max     Level
	targets map[string]Level
}

// of returns the maximum for a target: that of the longest rule that is the target, or a part of it that ends where a
// path or a name does. A rule "net" covers net, net/http, net.dial and net::tcp, not network.
func (r *rules) of(target string) Level {
	max, longest := r.max, -1
	for prefix, l := range r.targets {
		if len(prefix) > longest && strings.HasPrefix(target, prefix) &&
			(len(target) == len(prefix) || strings.IndexByte("/.:", target[len(prefix)]) >= 0) {
			max, longest = l, len(prefix)
		}
	}
	return max
}

// levelTable holds the decisions about all targets known so far, by number, so that asking is one load: in the low half
// the maximum of what is sent, in the high one that of the console.
type levelTable struct {
	decided atomic.Pointer[[]uint8]
	highest atomic.Uint32 // the largest maximum that there is

	noRemote, noConsole bool // there is no such place

	mu              sync.Mutex // guards the rules
	remote, console rules
}

const consoleShift = 4

// SetMax sets the maximum for targets without one of their own.
func (l Levels) SetMax(max Level) {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	l.rules.max = max
	l.table.decideLocked()
}

// SetTarget sets the maximum for a target and what lies below it.
func (l Levels) SetTarget(target string, max Level) {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	if l.rules.targets == nil {
		l.rules.targets = map[string]Level{}
	}
	l.rules.targets[target] = max
	l.table.decideLocked()
}

// ResetTarget takes back what SetTarget set.
func (l Levels) ResetTarget(target string) {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	delete(l.rules.targets, target)
	l.table.decideLocked()
}

// Max returns the maximum for a target.
func (l Levels) Max(target string) Level {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	return l.rules.of(target)
}

// Set replaces all rules by those in a text such as "info,net/http=debug,noisy=off". A text that names targets only leaves
// all others to the maximum that the recorder was made with.
func (l Levels) Set(text string) error {
	next := rules{usual: l.rules.usual, max: l.rules.usual, targets: map[string]Level{}}
	var errs []error
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		target, name, ok := strings.Cut(part, "=")
		if !ok {
			target, name = "", target
		}
		level, err := ParseLevel(strings.TrimSpace(name))
		if err != nil {
			errs = append(errs, fmt.Errorf("%.60q: %w", part, err))
			continue
		}
		if ok {
			next.targets[strings.TrimSpace(target)] = level
		} else {
			next.max = level
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	*l.rules = next
	l.table.decideLocked()
	return nil
}

// decideLocked decides about every target.
func (t *levelTable) decideLocked() {
	names := targets.all()
	decided := make([]uint8, len(names))
	for i, name := range names {
		decided[i] = t.decisionLocked(name)
	}
	highest := Level(0)
	if !t.noRemote {
		highest = t.remote.highest()
	}
	if !t.noConsole {
		highest = max(highest, t.console.highest())
	}
	t.highest.Store(uint32(highest))
	t.decided.Store(&decided)
}

// decisionLocked decides about one target.
func (t *levelTable) decisionLocked(name string) (d uint8) {
	if !t.noRemote {
		d = uint8(min(t.remote.of(name), LevelTrace))
	}
	if !t.noConsole {
		d |= uint8(min(t.console.of(name), LevelTrace)) << consoleShift
	}
	return d
}

func (r *rules) highest() Level {
	h := r.max
	for _, l := range r.targets {
		h = max(h, l)
	}
	return h
}

// of returns the decision about a target: up to which level it is sent and shown.
func (t *levelTable) of(target uint32) (remote, console Level) {
	d := *t.decided.Load()
	if int(target) >= len(d) {
		d = t.more(target)
	}
	return Level(d[target] & (1<<consoleShift - 1)), Level(d[target] >> consoleShift)
}

// more decides about targets that are new.
func (t *levelTable) more(target uint32) []uint8 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := *t.decided.Load(); int(target) < len(d) {
		return d
	}
	// What was decided stays; readers of the shorter list don't look behind its end.
	d := *t.decided.Load()
	for _, name := range targets.all()[len(d):] {
		d = append(d, t.decisionLocked(name))
	}
	t.decided.Store(&d)
	return d
}
