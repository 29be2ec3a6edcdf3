package sdk

import (
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// console shows log entries as lines:
//
//	2026-11-24T09:00:00.123456Z WARN [example.com/shop] cart is empty user=7 reason="timed out"
type console struct {
	mu  sync.Mutex // guards what follows
	w   io.Writer
	buf []byte
}

var consoleNames = [...]string{"OFF  ", "FATAL", "ERROR", "WARN ", "INFO ", "DEBUG", "TRACE"}

// show writes an entry with n inline properties.
func (r *Recorder) show(at time.Time, level Level, target uint32, msg string, properties []byte, n int) {
	r.console.show(at, level, targets.get(target), msg, properties, n)
}

func (r *Recorder) showMessage(m *Message, p Props) {
	d := messages.get(idOf(m.head))
	var (
		properties []byte
		n          int
	)
	if p.set != nil {
		properties, n = []byte(p.set.text), len(p.set.list)
	}
	r.show(time.Now(), m.level, m.id, d.text, properties, n)
}

func (c *console) show(at time.Time, level Level, target, msg string, properties []byte, n int) {
	if !c.mu.TryLock() {
		if writing() {
			return
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	b := at.UTC().AppendFormat(c.buf[:0], "2006-01-02T15:04:05.000000Z07:00")
	b = append(b, ' ')
	if int(level) < len(consoleNames) {
		b = append(b, consoleNames[level]...)
	}
	b = append(append(append(b, " ["...), target...), "] "...)
	b = appendLine(b, msg)
	if n > 0 {
		eachProperty(string(properties), n, func(name, value string) {
			b = append(appendShown(append(b, ' '), name), '=')
			b = appendShown(b, value)
		})
	}
	b = append(b, '\n')
	c.write(b)
	const keep = 64 << 10
	if c.buf = b; cap(b) > keep {
		c.buf = nil
	}
}

// write writes a line. Whether it arrives there is nobody to tell, and a writer that panics must not break what logs.
//
//go:noinline
func (c *console) write(line []byte) {
	defer func() { _ = recover() }()
	_, _ = c.w.Write(line)
}

// writing reports whether the goroutine is within write: the writer has logged something itself, which is not shown, as that
// would go on for ever. Only the stack tells, so it is asked only when the console is taken.
func writing() bool {
	const deepest = 512
	var stack [deepest]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(1, stack[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "/sdk.(*console).write") {
			return true
		}
		if !more {
			return false
		}
	}
}

// appendLine appends text that may take several lines; control characters that could rule a terminal are quoted.
func appendLine(dst []byte, s string) []byte {
	rules := func(c rune) bool { return controls(c) && c != '\n' && c != '\t' }
	if strings.IndexFunc(s, rules) < 0 {
		return append(dst, s...)
	}
	for _, c := range s {
		if rules(c) {
			q := strconv.AppendQuoteRune(nil, c)
			dst = append(dst, q[1:len(q)-1]...)
			continue
		}
		dst = append(dst, string(c)...)
	}
	return dst
}

// controls reports whether c is a control character, of ASCII or of those from 0x80 on, which some terminals obey as well.
func controls(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 }

// appendShown appends a name or value, quoted where it could be misread.
func appendShown(dst []byte, s string) []byte {
	if s == "" || strings.IndexFunc(s, func(c rune) bool { return c == ' ' || c == '=' || c == '"' || controls(c) }) >= 0 {
		return strconv.AppendQuote(dst, s)
	}
	return append(dst, s...)
}
