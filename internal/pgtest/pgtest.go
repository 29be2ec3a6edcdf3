// Package pgtest starts a PostgreSQL server for tests.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// port names the socket, whatever PGPORT says.
const port = "5432"

// Server is a running server of its own, with an empty data directory, that ends with the test.
type Server struct {
	dsn  *url.URL
	stop func()
}

// Stop ends the server, as a failure would. It may be called twice.
func (s *Server) Stop() { s.stop() }

// Start starts a server. It skips the test when PostgreSQL is not installed, unless the environment has CI=true: there
// it must be. PostgreSQL refuses to run as root, so root runs it as the user postgres or nobody.
func Start(t testing.TB) *Server {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	run, err := newRunner()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pgtest-") // a short path: that of a socket may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := run.own(dir); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	initdb := run.command(t.Context(), filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "micromegas",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s := &Server{dsn: &url.URL{
		Scheme: "postgres", User: url.User("micromegas"), Path: "/postgres",
		RawQuery: url.Values{"host": {dir}, "port": {port}, "sslmode": {"disable"}}.Encode(),
	}}
	s.start(t, run, filepath.Join(bin, "postgres"), data, dir)
	return s
}

// start runs the server until the test ends and waits until it answers. It listens on a socket in dir and nowhere else: a port
// could be another program's by then, for instance that of another test's server.
func (s *Server) start(t testing.TB, run runner, postgres, data, dir string) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := run.command(context.WithoutCancel(t.Context()), postgres, "-D", data, "-p", port,
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+dir, "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=50", "-c", "deadlock_timeout=50ms")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start postgres: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt) // fast shutdown: connections are closed
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
		}
		_ = log.Close()
	})
	t.Cleanup(s.stop)
	if err := s.await(t.Context(), ended); err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("postgres did not start: %v\n%s", err, text)
	}
}

func (s *Server) await(ctx context.Context, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := s.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case eerr := <-ended:
			return errors.Join(errors.New("it ended"), eerr, err)
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond): // it has no other way to say that it is ready
		}
	}
}

func (s *Server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.dsn.String())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// NewDatabase creates an empty database and returns its connection string.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", time.Now().UnixNano())
	if err := s.exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	dsn := *s.dsn
	dsn.Path = "/" + name
	return dsn.String()
}

// binaries returns the folder of initdb and postgres, the newest of those that Debian installs if none is in the path.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		target, err := filepath.EvalSymlinks(path) // the server looks for its files beside its binary
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(target), "postgres")); err == nil {
			return filepath.Dir(target), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: no initdb in the path or under /usr/lib/postgresql; " +
			"install postgresql-15")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// runner starts commands as a user that is not root.
type runner struct {
	user *user.User // nil: as ourselves
}

func newRunner() (runner, error) {
	if os.Geteuid() != 0 {
		return runner{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return runner{u}, nil
		}
	}
	return runner{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// own gives dir to the user.
func (r runner) own(dir string) error {
	if r.user == nil {
		return nil
	}
	uid, err := strconv.Atoi(r.user.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(r.user.Gid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}

// command returns a command that runs as the user, in a folder that it can enter, and in English.
func (r runner) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if r.user != nil {
		args = append([]string{"--reuid", r.user.Uid, "--regid", r.user.Gid, "--clear-groups", "--", name}, args...)
		name = "setpriv"
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = os.TempDir()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "HOME="+os.TempDir())
	return cmd
}
