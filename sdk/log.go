package sdk

import (
	"log/slog"
	"time"
	"unicode/utf8"
)

// Message is a log entry whose text never changes. It costs no more than a metric.
type Message struct {
	head  uint64
	level Level
	id    uint32
}

// NewMessage declares a log entry; declare messages in package variables.
func NewMessage(level Level, text string, with ...Declaration) *Message {
	p := caller(1, with)
	id := messages.id(message{target: targets.id(p.target), level: level, text: text})
	return &Message{head: headOf(kindMessage, id), level: level, id: targets.id(p.target)}
}

// Log logs the message with the default recorder.
func (m *Message) Log() {
	if r := logging.Load(); r != nil {
		r.Message(m, Props{})
	}
}

// LogWith logs the message with properties.
func (m *Message) LogWith(p Props) {
	if r := logging.Load(); r != nil {
		r.Message(m, p)
	}
}

// Message logs a message with properties, which may be empty.
func (r *Recorder) Message(m *Message, p Props) {
	remote, console := r.levels.of(m.id)
	if m.level == LevelOff {
		return
	}
	if m.level <= console {
		r.showMessage(m, p)
	}
	if m.level > remote {
		return
	}
	head, n := m.head, 2
	if p.set != nil {
		if p.set.id != 0 {
			head |= uint64(p.set.id) << argShift
		} else {
			head |= uint64(inline)
			n += 1 + wordsFor(len(p.set.text))
		}
	}
	s := r.enter()
	if s == nil {
		return
	}
	if !s.room(n) {
		s.leave()
		if s = r.enterRoom(kindMessage, n); s == nil {
			return
		}
	}
	w, c, end := s.claim(n)
	w[0] = head
	if n > 2 {
		putProperties(w[2:], len(p.set.list), p.set.text)
	}
	w[1] = s.stamp(r)
	c.pos.Store(end)
	s.leave()
}

// Logger logs under a target. Loggers are cheap; make one per package.
type Logger struct {
	target   uint32
	recorder *Recorder // nil: the default
}

// NewLogger returns a logger of the default recorder. Without a target it logs under the path of the package that calls.
func NewLogger(target ...string) *Logger {
	return &Logger{target: loggerTarget(target)}
}

// NewLogger returns a logger of this recorder, see [NewLogger].
func (r *Recorder) NewLogger(target ...string) *Logger {
	return &Logger{target: loggerTarget(target), recorder: r}
}

func loggerTarget(target []string) uint32 {
	if len(target) > 0 {
		return targets.id(target[0])
	}
	return targets.id(caller(2, nil).target)
}

// Enabled reports whether entries of a level go anywhere.
func (l *Logger) Enabled(level Level) bool {
	r := l.on()
	if r == nil {
		return false
	}
	remote, console := r.levels.of(l.target)
	return (level <= remote || level <= console) && level != LevelOff
}

func (l *Logger) on() *Recorder {
	if l.recorder != nil {
		return l.recorder
	}
	return logging.Load()
}

// Error logs an entry; attributes become properties.
func (l *Logger) Error(msg string, attrs ...slog.Attr) { l.log(LevelError, msg, attrs) }

// Warn logs an entry; attributes become properties.
func (l *Logger) Warn(msg string, attrs ...slog.Attr) { l.log(LevelWarn, msg, attrs) }

// Info logs an entry; attributes become properties.
func (l *Logger) Info(msg string, attrs ...slog.Attr) { l.log(LevelInfo, msg, attrs) }

// Debug logs an entry; attributes become properties.
func (l *Logger) Debug(msg string, attrs ...slog.Attr) { l.log(LevelDebug, msg, attrs) }

// Trace logs an entry; attributes become properties.
func (l *Logger) Trace(msg string, attrs ...slog.Attr) { l.log(LevelTrace, msg, attrs) }

// Log logs an entry of any level; attributes become properties. LevelFatal does not end the program.
func (l *Logger) Log(level Level, msg string, attrs ...slog.Attr) { l.log(level, msg, attrs) }

func (l *Logger) log(level Level, msg string, attrs []slog.Attr) {
	r := l.on()
	if r == nil {
		return
	}
	remote, console := r.levels.of(l.target)
	if level > remote && level > console || level == LevelOff {
		return
	}
	var buf [512]byte
	text, n := buf[:0], 0
	for _, a := range attrs {
		text, n = appendAttr(text, n, "", a)
	}
	if level <= console {
		r.show(time.Now(), level, l.target, msg, text, n)
	}
	if level <= remote {
		r.text(level, l.target, msg, text, n)
	}
}

// text records an entry with n inline properties.
func (r *Recorder) text(level Level, target uint32, msg string, properties []byte, n int) {
	msg = cut(msg)
	k, words := kindText, 3+wordsFor(len(msg))
	if n > 0 {
		k |= inline
		words += 1 + wordsFor(len(properties))
	}
	s := r.enter()
	if s == nil {
		return
	}
	if !s.room(words) {
		s.leave()
		if s = r.enterRoom(k, words); s == nil {
			return
		}
	}
	w, c, end := s.claim(words)
	w[0] = headOf(k, target) | uint64(level)<<argShift
	w[2] = uint64(len(msg))
	copy(bytesOf(w[3:]), msg)
	if n > 0 {
		rest := w[3+wordsFor(len(msg)):]
		rest[0] = uint64(n)<<argShift | uint64(len(properties))
		copy(bytesOf(rest[1:]), properties)
	}
	w[1] = s.stamp(r)
	c.pos.Store(end)
	s.leave()
}

// maxText bounds texts of log entries, names and values of properties.
const maxText = 1 << 20

// cut shortens s to what is kept.
func cut(s string) string { return s[:cutAt(s)] }

// cutAt is how much of s is kept: whole letters.
func cutAt[T string | []byte](s T) int {
	if len(s) <= maxText {
		return len(s)
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	if !utf8.RuneStart(s[n]) {
		return maxText // no text at all
	}
	return n
}
