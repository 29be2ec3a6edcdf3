package sdk

import (
	"fmt"
	"log/slog"
	"strings"
)

// Level is how severe a log entry is: the lower, the more.
type Level uint8

// The levels, and Off, a maximum that lets nothing through.
const (
	LevelOff Level = iota
	LevelFatal
	LevelError
	LevelWarn
	LevelInfo
	LevelDebug
	LevelTrace
)

var levelNames = [...]string{"off", "fatal", "error", "warn", "info", "debug", "trace"}

// String returns the level's name in lower case.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level%d", uint8(l))
}

// ParseLevel reads the name of a level, in any letter case.
func ParseLevel(text string) (Level, error) {
	for l, name := range levelNames {
		if strings.EqualFold(text, name) {
			return Level(l), nil
		}
	}
	if strings.EqualFold(text, "warning") {
		return LevelWarn, nil
	}
	return LevelOff, fmt.Errorf("%.40q is not a level; levels are %s", text, strings.Join(levelNames[:], ", "))
}

// The levels that slog does not name.
const (
	SlogTrace = slog.Level(-8)
	SlogFatal = slog.Level(12)
)

// fromSlog maps slog's levels; what lies between rounds to the less severe.
func fromSlog(l slog.Level) Level {
	switch {
	case l >= SlogFatal:
		return LevelFatal
	case l >= slog.LevelError:
		return LevelError
	case l >= slog.LevelWarn:
		return LevelWarn
	case l >= slog.LevelInfo:
		return LevelInfo
	case l >= slog.LevelDebug:
		return LevelDebug
	default:
		return LevelTrace
	}
}
