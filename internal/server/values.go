package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore/s3"
)

// DSN says where the catalog is. It may hold a password, so that it prints without one.
type DSN string

// Format writes the place without user, password and parameters, whatever the verb.
func (d DSN) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.place()) }

// LogValue implements slog.LogValuer.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.place()) }

// MarshalText implements encoding.TextMarshaler.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.place()), nil }

// embedded reports whether the catalog is a file.
func (d DSN) embedded() bool { return !strings.Contains(string(d), "://") }

func (d DSN) place() string {
	if d.embedded() {
		return string(d) // a path
	}
	u, err := url.Parse(string(d))
	if err != nil {
		return "[unreadable]"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// set reads a connection string. Errors never quote it.
func (d *DSN) set(text string) error {
	switch {
	case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		u, err := url.Parse(text)
		if err != nil {
			return errors.New("is not a valid URL; special characters in the password must be percent-encoded " +
				"(the value is not shown because it may hold one)")
		}
		if strings.Trim(u.Path, "/") == "" && u.Query().Get("dbname") == "" {
			return errors.New("names no database; append its name: postgres://user:password@host:5432/name")
		}
		if err := catalog.CheckDSN(text); err != nil {
			return fmt.Errorf("%w (the value is not shown because it may hold a password)", err)
		}
		*d = DSN(text)
	case filepath.IsAbs(text):
		*d = DSN(filepath.Clean(text))
	default:
		return errors.New("is neither a URL that begins with postgres:// nor the absolute path of an SQLite file " +
			"(the value is not shown because it may hold a password)")
	}
	return nil
}

// objectURI checks the URI of an object store. Errors never quote it: people put credentials there.
func objectURI(text string, getenv func(string) string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("is not a valid URI; use file:///folder or s3://bucket/prefix")
	}
	switch {
	case u.User != nil:
		return "", errors.New("must not hold credentials; give them in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("must have neither query nor fragment; write ? and # in a name as %3F and %23")
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && filepath.IsAbs(filepath.FromSlash(u.Path)):
	case u.Scheme == "file":
		return "", errors.New("needs an absolute folder: file:///folder, with three slashes")
	case u.Scheme == "s3" && u.Host == "":
		return "", errors.New("names no bucket; use s3://bucket/prefix")
	case u.Scheme == "s3":
		if _, err := s3.New(u.Host, u.Path, s3.OptionsFrom(getenv)); err != nil { // nothing is sent
			return "", err
		}
	default:
		return "", errors.New("must begin with file:// or s3://")
	}
	return text, nil
}

// setStatic reads where static tables are: a path, or as objectURI.
func (c *Config) setStatic(getenv func(string) string) func(string) error {
	return func(text string) (err error) {
		if !strings.Contains(text, "://") {
			c.Static.Folder, err = folder(text, getenv)
			return err
		}
		c.Static.Folder, err = objectURI(text, getenv)
		return err
	}
}

func fileURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// address reads host:port. An empty host means every network interface.
func address(dst *string) func(string) error {
	return func(text string) error {
		_, port, err := net.SplitHostPort(text)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return fmt.Errorf("%.128q is not host:port with a port from 0 to 65535; for example 127.0.0.1:9000", text)
		}
		*dst = text
		return nil
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func (c *Config) setDataDir(getenv func(string) string) func(string) error {
	return func(text string) (err error) {
		c.DataDir, err = folder(text, getenv)
		return err
	}
}

// folder makes a path absolute.
func folder(text string, getenv func(string) string) (string, error) {
	if rest, ok := strings.CutPrefix(text, "~"+string(filepath.Separator)); ok {
		home := homeDir(getenv) // service managers don't expand it as shells do
		if home == "" {
			return "", errors.New("begins with ~ and there is no home directory; use an absolute path")
		}
		text = filepath.Join(home, rest)
	}
	dir, err := filepath.Abs(text)
	if err != nil {
		return "", fmt.Errorf("%.128q can't be made absolute: %w", text, err)
	}
	return dir, nil
}

func homeDir(getenv func(string) string) string {
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if dir := getenv(name); filepath.IsAbs(dir) {
			return dir
		}
	}
	return ""
}

func (l *LogConfig) setFormat(text string) error {
	switch text {
	case "text", "json":
		l.JSON = text == "json"
		return nil
	default:
		return fmt.Errorf("%.32q is neither text nor json", text)
	}
}

func (l *LogConfig) setLevel(text string) error {
	switch text {
	case "debug":
		l.Level = slog.LevelDebug
	case "info":
		l.Level = slog.LevelInfo
	case "warn":
		l.Level = slog.LevelWarn
	case "error":
		l.Level = slog.LevelError
	default:
		return fmt.Errorf("%.32q is none of debug, info, warn, error", text)
	}
	return nil
}

// setMigrate reads who applies migrations.
func (c *Config) setMigrate(text string) error {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "auto":
		c.KeepSchema = false
	case "manual":
		c.KeepSchema = true
	default:
		return fmt.Errorf("%.32q is neither auto nor manual", text)
	}
	return nil
}
