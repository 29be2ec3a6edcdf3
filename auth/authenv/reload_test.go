package authenv_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// living is a chain whose configuration is in files.
type living struct {
	*auth.Chain
	*authenv.Reloader
	dir    string
	issuer *authtest.Issuer
	log    safeBuffer
	vars   map[string]string
}

func newLiving(t *testing.T, change func(*living, *authenv.Options)) *living {
	t.Helper()
	l := &living{dir: t.TempDir(), issuer: authtest.New(t)}
	l.vars = map[string]string{
		auth.EnvFile(auth.EnvOIDCConfig): filepath.Join(l.dir, "oidc.json"),
		auth.EnvFile(auth.EnvAPIKeys):    filepath.Join(l.dir, "keys.json"),
		auth.EnvFile(auth.EnvAdmins):     filepath.Join(l.dir, "admins.json"),
	}
	l.write(t, "oidc.json", l.issuer.Config())
	l.write(t, "keys.json", keys)
	l.write(t, "admins.json", `["alice"]`)
	o := authenv.Options{Log: slog.New(slog.NewTextHandler(&l.log, nil))}
	if change != nil {
		change(l, &o)
	}
	getenv := func(name string) string { return l.vars[name] }
	chain, err := authenv.Open(t.Context(), getenv, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	l.Chain, l.Reloader = chain, authenv.NewReloader(chain, getenv, o)
	return l
}

// safeBuffer is a log that is read while others write it.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// write replaces a file by renaming.
func (l *living) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (l *living) reload(t *testing.T) {
	t.Helper()
	if err := l.Reload(t.Context()); err != nil {
		t.Fatalf("Reload = %v", err)
	}
}

// as returns who token is; nil when it is refused.
func (l *living) as(t *testing.T, token string) *auth.Identity {
	t.Helper()
	id, err := l.Authenticate(t.Context(), []string{"Bearer " + token})
	if err != nil && fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("Authenticate = %v", err)
	}
	return id
}

func TestB34Reload(t *testing.T) {
	l := newLiving(t, nil)
	token := l.issuer.Sign(t, nil)
	const first, second = "0123456789abcdef", "another-key-another"
	if !l.as(t, token).Admin || l.as(t, first) == nil || l.as(t, second) != nil {
		t.Fatal("before")
	}
	// Keys: the new one works, the old one ends, at once.
	l.write(t, "keys.json", `[{"name": "new", "key": "`+second+`"}]`)
	l.reload(t)
	if l.as(t, first) != nil || l.as(t, second) == nil {
		t.Error("keys did not change")
	}
	// Administrators: B21, although the token stays cached.
	l.write(t, "admins.json", `["bob"]`)
	l.reload(t)
	if id := l.as(t, token); id == nil || id.Admin {
		t.Error("administrators did not change")
	}
	// An unchanged issuer was not asked again.
	if d, k := l.issuer.Requests(); d != 1 || k != 1 {
		t.Errorf("%d discoveries, %d key sets", d, k)
	}
	// Roles of the issuer.
	l.write(t, "oidc.json", strings.Replace(l.issuer.Config(), `"audience"`, `"roles": {"reader": ["*"]}, "audience"`, 1))
	l.reload(t)
	if id := l.as(t, token); id == nil || id.Roles != auth.RoleReader {
		t.Errorf("identity %+v", id)
	}
	// Another issuer in its place: the old tokens end at once.
	other := authtest.New(t)
	l.write(t, "oidc.json", other.Config())
	l.reload(t)
	if l.as(t, token) != nil || l.as(t, other.Sign(t, nil)) == nil {
		t.Error("the issuer did not change")
	}
	// No issuer, no keys: one after the other, since one method must remain (A3).
	l.write(t, "oidc.json", " ")
	l.reload(t)
	if l.as(t, other.Sign(t, nil)) != nil || len(l.Methods()) != 1 {
		t.Error("the issuer is still there")
	}
	l.write(t, "keys.json", "[]")
	if err := l.Reload(t.Context()); err == nil || l.as(t, second) == nil {
		t.Errorf("Reload = %v", err)
	}
	// And an issuer again.
	l.write(t, "oidc.json", l.issuer.Config())
	l.reload(t)
	if l.as(t, token) == nil || l.as(t, second) != nil {
		t.Error("not back")
	}
	if s := l.Stats().Reload; s.Errors != 1 || s.Hash == "" || s.Since.IsZero() {
		t.Errorf("stats %+v", s)
	}
}

// TestB34MistakesChangeNothing: the whole configuration is checked before any of it counts.
func TestB34MistakesChangeNothing(t *testing.T) {
	const needle = "needle-needle-needle"
	for name, change := range map[string]func(*living){
		"B34 not JSON":            func(l *living) { l.write(t, "keys.json", `[{"name": "new", "key": "`+needle) },
		"B34 empty administrator": func(l *living) { l.write(t, "admins.json", `[""]`) },
		"B34 one bad, one good": func(l *living) {
			l.write(t, "keys.json", `[{"name": "new", "key": "`+needle+`"}]`)
			l.write(t, "oidc.json", `{"issuers": []}`)
		},
		"B34 file gone": func(l *living) {
			if err := os.Remove(filepath.Join(l.dir, "admins.json")); err != nil {
				t.Error(err)
			}
		},
		"B33 both": func(l *living) { l.vars[auth.EnvAdmins] = `["bob"]` },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiving(t, nil)
			token := l.issuer.Sign(t, nil)
			before := l.as(t, token)
			change(l)
			if err := l.Reload(t.Context()); err == nil {
				t.Fatal("reloaded")
			}
			if l.as(t, "0123456789abcdef") == nil || l.as(t, needle) != nil || !l.as(t, token).Admin || l.as(t, token).Subject != before.Subject {
				t.Error("something changed")
			}
			if !strings.Contains(l.log.String(), "level=ERROR") || !strings.Contains(l.log.String(), "NOT reloaded") || strings.Contains(l.log.String(), needle) {
				t.Errorf("log: %s", l.log.String())
			}
			if n := l.Stats().Reload.Errors; n != 1 {
				t.Errorf("%d errors", n)
			}
		})
	}
}

// TestB34Poll follows the files on its own, and says a mistake once.
func TestB34Poll(t *testing.T) {
	ticks := make(chan time.Time)
	l := newLiving(t, func(_ *living, o *authenv.Options) { o.Tick = ticks })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Reloader.Run(ctx) }()
	// look returns when a look at the files is over: the second tick is only taken then.
	look := func() { ticks <- time.Time{}; ticks <- time.Time{} }
	const key = "another-key-another"
	look()
	logged := l.log.String()
	look()
	if l.log.String() != logged {
		t.Errorf("nothing changed, and yet: %s", l.log.String())
	}
	l.write(t, "keys.json", `[{"name": "new", "key": "`+key+`"}]`)
	look()
	if l.as(t, key) == nil {
		t.Error("not followed")
	}
	l.write(t, "keys.json", "{")
	look()
	look()
	if n := strings.Count(l.log.String(), "NOT reloaded"); n != 1 || l.as(t, key) == nil {
		t.Errorf("%d error lines", n)
	}
	l.write(t, "keys.json", keys)
	look()
	if l.as(t, key) != nil || l.as(t, "0123456789abcdef") == nil {
		t.Error("not followed after a mistake")
	}
	// Written in place, within the same instant and of the same length.
	path := filepath.Join(l.dir, "keys.json")
	if err := os.WriteFile(path, []byte(strings.Replace(keys, "0123456789abcdef", "0123456789abcdeX", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	look()
	if l.as(t, "0123456789abcdeX") == nil || l.as(t, "0123456789abcdef") != nil {
		t.Error("not followed when written in place")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestB34Kubernetes mounts a config map: files are links through ..data, which is replaced by renaming.
func TestB34Kubernetes(t *testing.T) {
	var mount string
	publish := func(t *testing.T, version, admins string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(mount, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mount, version, "admins.json"), []byte(admins), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(version, filepath.Join(mount, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	ticks := make(chan time.Time)
	l := newLiving(t, func(l *living, o *authenv.Options) {
		o.Tick = ticks
		mount = t.TempDir()
		publish(t, "..2026_1", `["nobody"]`)
		if err := os.Symlink(filepath.Join("..data", "admins.json"), filepath.Join(mount, "admins.json")); err != nil {
			t.Fatal(err)
		}
		l.vars[auth.EnvFile(auth.EnvAdmins)] = filepath.Join(mount, "admins.json")
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Reloader.Run(ctx) }()
	token := l.issuer.Sign(t, nil)
	if l.as(t, token).Admin {
		t.Error("an administrator before")
	}
	publish(t, "..2026_2", `["alice"]`)
	ticks <- time.Time{}
	ticks <- time.Time{}
	if !l.as(t, token).Admin {
		t.Error("the new link was not followed")
	}
	cancel()
	<-done
}

// TestB34KeysOfTheVariableStay: the variable may be gone from the environment (B24), its keys are not.
func TestB34KeysOfTheVariableStay(t *testing.T) {
	l := newLiving(t, func(l *living, o *authenv.Options) {
		delete(l.vars, auth.EnvFile(auth.EnvAPIKeys))
		l.vars[auth.EnvAPIKeys], l.vars[auth.EnvAllowKeyAdmin] = keys, "svc"
		o.Unsetenv = func(name string) error { delete(l.vars, name); return nil }
	})
	if l.vars[auth.EnvAPIKeys] != "" {
		t.Fatal("the variable is still there")
	}
	l.write(t, "admins.json", `["bob"]`)
	l.reload(t)
	if id := l.as(t, "0123456789abcdef"); id == nil || !id.Admin { // B19
		t.Errorf("identity %+v", id)
	}
	if l.as(t, l.issuer.Sign(t, nil)).Admin {
		t.Error("administrators did not change")
	}
	// Even when nothing else is left.
	l.write(t, "oidc.json", "")
	l.reload(t)
	if l.as(t, "0123456789abcdef") == nil || len(l.Methods()) != 1 {
		t.Error("the key is gone")
	}
}

// stored stands for keys in a database.
type stored struct{}

func (stored) Method() auth.Method { return auth.MethodAPIKey }

func (stored) Authenticate(_ context.Context, token auth.Secret) (*auth.Verified, error) {
	if token == "stored" {
		return auth.NewVerified(auth.Identity{Subject: "stored", Method: auth.MethodAPIKey}), nil
	}
	return nil, fmt.Errorf("unknown")
}

// TestB34ExtraProvidersStay through every change of the configuration, and last in the order.
func TestB34ExtraProvidersStay(t *testing.T) {
	l := newLiving(t, func(_ *living, o *authenv.Options) { o.Extra = []auth.Provider{stored{}} })
	if m := l.Methods(); len(m) != 3 || m[1] != auth.MethodOIDC {
		t.Errorf("methods %v", m)
	}
	for _, name := range []string{"oidc.json", "keys.json"} { // with stored keys nothing else is needed
		l.write(t, name, "")
		l.reload(t)
		if l.as(t, "stored") == nil {
			t.Errorf("without %s: gone", name)
		}
	}
	if m := l.Methods(); len(m) != 1 {
		t.Errorf("methods %v", m)
	}
}

// TestB34CAFileIsFollowed: files that the configuration names count too.
func TestB34CAFileIsFollowed(t *testing.T) {
	ticks := make(chan time.Time)
	pem := testCertificate(t)
	l := newLiving(t, func(l *living, o *authenv.Options) {
		o.Tick = ticks
		l.write(t, "ca.pem", pem)
		l.write(t, "oidc.json", strings.Replace(l.issuer.Config(), `"audience"`, fmt.Sprintf(`"ca_file": %q, "audience"`, filepath.Join(l.dir, "ca.pem")), 1))
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Reloader.Run(ctx) }()
	look := func() { ticks <- time.Time{}; ticks <- time.Time{} }
	look()
	look()
	l.write(t, "ca.pem", "no certificate")
	look()
	if !strings.Contains(l.log.String(), "ca_file holds no PEM certificate") {
		t.Errorf("log: %s", l.log.String())
	}
	cancel()
	<-done
}

func TestB34DisabledReloadsNothing(t *testing.T) {
	chain := auth.Disabled(nil, "127.0.0.1:1")
	r := authenv.NewReloader(chain, func(string) string { return "" }, authenv.Options{})
	if err := r.Reload(t.Context()); err != nil || !chain.Disabled() {
		t.Errorf("Reload = %v", err)
	}
}

// TestB34ReloadWhileRequestsRun: whatever changes beside it, a key and a token that stay are never refused.
func TestB34ReloadWhileRequestsRun(t *testing.T) {
	l := newLiving(t, nil)
	token := l.issuer.Sign(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, credential := range []string{token, "0123456789abcdef"} {
					if _, err := l.Authenticate(t.Context(), []string{"Bearer " + credential}); err != nil {
						t.Errorf("Authenticate = %v", err)
						return
					}
				}
			}
		})
	}
	for n := range 50 {
		l.write(t, "admins.json", fmt.Sprintf(`["user-%d"]`, n))
		l.write(t, "keys.json", strings.Replace(keys, "root", fmt.Sprintf("root-%d", n), 1))
		l.reload(t)
	}
	close(stop)
	wg.Wait()
}
