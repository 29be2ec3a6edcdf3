package auth_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

func TestA1Admit(t *testing.T) {
	reader := auth.Identity{Subject: "r", Method: auth.MethodAPIKey, Roles: auth.RoleReader}
	plain := auth.Identity{Subject: "p", Method: auth.MethodAPIKey}
	for name, tc := range map[string]struct {
		id   auth.Identity
		role auth.Role
		kind fault.Kind // -1 is success
	}{
		"B19 seed key at the ingestion door":   {plain, auth.RoleWriter, -1},
		"B19 seed key at the analytics door":   {plain, auth.RoleReader, -1},
		"B19 reader at the analytics door":     {reader, auth.RoleReader, -1},
		"B19 reader at the ingestion door":     {reader, auth.RoleWriter, fault.PermissionDenied},
		"B19 reader where no role is wanted":   {reader, 0, -1},
		"A67 seed key where an admin is asked": {plain, auth.RoleAdmin, fault.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			chain := auth.NewChain(nil, &fake{id: &tc.id})
			ctx, err := chain.Admit(t.Context(), auth.Call{Authorization: []string{"Bearer x"}, Peer: "192.0.2.1:7", Operation: "op", Role: tc.role})
			id, ok := auth.From(ctx)
			if tc.kind == -1 {
				if err != nil || !ok || id.Subject != tc.id.Subject {
					t.Errorf("Admit = %+v, %v", id, err)
				}
			} else if fault.KindOf(err) != tc.kind || !ok || // the audit learns who wanted more than they may
				!strings.Contains(err.Error(), "op needs") {
				t.Errorf("Admit = %v, identity %v", err, ok)
			}
			if auth.ClientAddr(ctx).String() != "192.0.2.1" {
				t.Errorf("client %v", auth.ClientAddr(ctx))
			}
		})
	}
	// A refusal leaves the address for the log, and no identity.
	ctx, err := auth.NewChain(nil, &fake{err: errors.New("x")}).Admit(t.Context(), auth.Call{Authorization: []string{"Bearer x"}, Peer: "192.0.2.1:7"})
	if _, ok := auth.From(ctx); ok || fault.KindOf(err) != fault.Unauthenticated || !auth.ClientAddr(ctx).IsValid() {
		t.Errorf("Admit = %v", err)
	}
}

// TestA5DisabledMayDoEverything: without authentication every caller is an administrator at every door.
func TestA5DisabledMayDoEverything(t *testing.T) {
	chain := auth.Disabled(nil, "127.0.0.1:1")
	for _, role := range []auth.Role{auth.RoleReader, auth.RoleWriter, auth.RoleKeyManager, auth.RoleAdmin} {
		ctx, err := chain.Admit(t.Context(), auth.Call{Authorization: []string{"garbage"}, Peer: "127.0.0.1:9", Role: role})
		if err != nil || auth.RequireAdmin(ctx, "x") != nil || auth.Require(ctx, role, "x") != nil {
			t.Errorf("%v: %v", role, err)
		}
	}
	chain.Swap(auth.Setup{Providers: []auth.Provider{&fake{err: errors.New("x")}}}) // nothing of a chain that is off
	if _, err := chain.Authenticate(t.Context(), nil); err != nil || !chain.Disabled() || len(chain.Methods()) != 0 {
		t.Error("switched on by Swap")
	}
}

// within is a provider whose credential is bound to networks.
type within struct{ networks []netip.Prefix }

func (within) Method() auth.Method { return auth.MethodAPIKey }

func (p within) Authenticate(context.Context, auth.Secret) (*auth.Verified, error) {
	return auth.NewVerified(auth.Identity{Subject: "k", Method: auth.MethodAPIKey}).Within(p.networks), nil
}

func TestB27Networks(t *testing.T) {
	chain := auth.NewChainOf(auth.Setup{
		Providers: []auth.Provider{within{proxies(t, "192.0.2.0/24", "2001:db8::/32")}},
		Proxies:   proxies(t, "10.0.0.0/8"),
	})
	forwarded := func(to string) func(string) []string {
		return func(name string) []string {
			if name == "X-Forwarded-For" && to != "" {
				return []string{to}
			}
			return nil
		}
	}
	for name, tc := range map[string]struct {
		peer, forwarded string
		ok              bool
	}{
		"B27 inside":                            {"192.0.2.200:1", "", true},
		"B27 inside, IPv6":                      {"[2001:db8::5]:1", "", true},
		"B27 inside, IPv4-mapped":               {"[::ffff:192.0.2.5]:1", "", true},
		"B27 outside":                           {"198.51.100.1:1", "", false},
		"B27 unknown address":                   {"", "", false},
		"B27 inside, behind the proxy":          {"10.0.0.1:1", "192.0.2.5", true},
		"B27 outside, behind the proxy":         {"10.0.0.1:1", "198.51.100.1", false},
		"B26 outside, claims to be inside":      {"198.51.100.1:1", "192.0.2.5", false},
		"B26 behind the proxy, claims as well":  {"10.0.0.1:1", "192.0.2.5, 198.51.100.1", false},
		"B27 the proxy itself is not inside":    {"10.0.0.1:1", "", false},
		"B27 behind the proxy, garbage instead": {"10.0.0.1:1", "192.0.2.x", false},
	} {
		_, err := chain.Admit(t.Context(), auth.Call{Authorization: []string{"Bearer x"}, Peer: tc.peer, Header: forwarded(tc.forwarded)})
		if (err == nil) != tc.ok || err != nil && (fault.KindOf(err) != fault.Unauthenticated || !errors.Is(err, auth.ErrNetwork)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestA157NoTLSNeeded: nothing in a chain asks how a request came; a proxy may have ended TLS.
func TestA157NoTLSNeeded(t *testing.T) {
	chain := auth.NewChain(nil, &fake{id: &auth.Identity{Subject: "s", Method: auth.MethodAPIKey}})
	for _, peer := range []string{"192.0.2.1:1", "127.0.0.1:1", ""} {
		if _, err := chain.Admit(t.Context(), auth.Call{Authorization: []string{"Bearer x"}, Peer: peer, Role: auth.RoleWriter}); err != nil {
			t.Error(err)
		}
	}
}

// TestA156IdentityDoesNotDependOnTheMix: the identity of a key is the same with and without OIDC beside it.
func TestA156IdentityDoesNotDependOnTheMix(t *testing.T) {
	key := &auth.Identity{Subject: "svc", Issuer: auth.IssuerAPIKey, Method: auth.MethodAPIKey}
	alone := auth.NewChain(nil, &fake{id: key})
	both := auth.NewChain(nil, &fake{id: key}, &fake{method: auth.MethodOIDC, err: errors.New("x")})
	a, errA := alone.Authenticate(t.Context(), []string{"Bearer x"})
	b, errB := both.Authenticate(t.Context(), []string{"Bearer x"})
	if errA != nil || errB != nil || a.Subject != b.Subject || a.Issuer != b.Issuer || a.Roles != b.Roles || a.Method != b.Method {
		t.Errorf("%+v and %+v", a, b)
	}
}

// always is a provider to which everybody is the user it names.
type always string

func (always) Method() auth.Method { return auth.MethodOIDC }

func (a always) Authenticate(context.Context, auth.Secret) (*auth.Verified, error) {
	return auth.NewVerified(auth.Identity{Subject: string(a), Method: auth.MethodOIDC}), nil
}

// TestB34SwapUnderLoad replaces providers and policy together: nobody sees one without the other.
func TestB34SwapUnderLoad(t *testing.T) {
	setup := func(name string) auth.Setup {
		return auth.Setup{Policy: auth.NewPolicy([]string{name}), Providers: []auth.Provider{always(name)}}
	}
	chain := auth.NewChainOf(setup("a"))
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
				token := auth.Secret("x")
				if id, err := chain.AuthenticateToken(t.Context(), token); err != nil || !id.Admin {
					t.Errorf("%+v, %v", id, err)
					return
				}
			}
		})
	}
	for n := range 2000 {
		chain.Swap(setup([]string{"a", "b"}[n%2]))
	}
	close(stop)
	wg.Wait()
}

// running is a provider that says when it runs.
type running struct {
	fake
	started, ended chan struct{}
}

func newRunning() *running { return &running{started: make(chan struct{}), ended: make(chan struct{})} }

func (r *running) Run(ctx context.Context) error {
	close(r.started)
	<-ctx.Done()
	close(r.ended)
	return nil
}

func (r *running) Degraded() []string { return []string{"all is lost"} }

// TestB34RunFollowsSwap ends the work of providers that are gone, begins that of new ones, leaves the rest alone.
func TestB34RunFollowsSwap(t *testing.T) {
	gone, stays, comes := newRunning(), newRunning(), newRunning()
	chain := auth.NewChain(nil, gone, stays)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- chain.Run(ctx) }()
	<-gone.started
	<-stays.started
	chain.Swap(auth.Setup{Providers: []auth.Provider{stays, comes}})
	<-gone.ended
	<-comes.started
	select {
	case <-stays.ended:
		t.Error("a provider that stays was stopped")
	default:
	}
	if d := chain.Degraded(); len(d) != 2 || d[0] != "all is lost" { // B9
		t.Errorf("degraded %q", d)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-stays.ended
	<-comes.ended
}

func TestB37StatsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		chain := auth.NewChainOf(auth.Setup{
			Providers: []auth.Provider{&fake{id: &auth.Identity{Method: auth.MethodAPIKey, Issuer: auth.IssuerAPIKey}}},
			Log:       slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		for range 3 {
			_, _ = chain.Authenticate(t.Context(), []string{"Bearer x"})
		}
		_, _ = chain.Authenticate(t.Context(), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute+time.Second)
		defer cancel()
		if err := chain.Run(ctx); err != nil {
			t.Error(err)
		}
		if n := strings.Count(out.String(), "auth counters"); n != 2 || !strings.Contains(out.String(), "accepted=3 refused=1") {
			t.Errorf("log: %s", out.String())
		}
	})
}

func TestB37Decisions(t *testing.T) {
	chain := auth.NewChain(nil, &fake{method: auth.MethodAPIKey, err: errors.New("no such key")},
		&fake{method: auth.MethodOIDC, err: &fault.Error{Kind: fault.Unavailable, Msg: "192.0.2.1 does not answer"}})
	for range 2 {
		_, _ = chain.Authenticate(t.Context(), []string{"Bearer x"})
	}
	_, _ = chain.Authenticate(t.Context(), nil)
	chain.SetReload(auth.ReloadStats{Hash: "h", Errors: 3})
	s := chain.Stats()
	want := []auth.Decision{{Reason: auth.ErrNoCredential.Error(), Count: 1}, {Method: auth.MethodOIDC, Reason: "unavailable", Count: 2}}
	if len(s.Decisions) != 2 || s.Decisions[0] != want[0] || s.Decisions[1] != want[1] || s.Reload.Errors != 3 {
		t.Errorf("stats %+v", s)
	}
	if d := auth.Disabled(nil).Stats(); len(d.Decisions) != 0 {
		t.Errorf("stats of a chain that is off: %+v", d)
	}
}

// TestOneComponent: the logger comes with its component; nothing here adds another.
func TestOneComponent(t *testing.T) {
	var out bytes.Buffer
	j := auth.NewJournal(slog.New(slog.NewTextHandler(&out, nil)).With("component", "analytics"), slog.LevelInfo, nil)
	j.Accepted(t.Context(), &auth.Identity{}, "op", "")
	j.Refused(t.Context(), fault.New(fault.Unauthenticated, "x"), "op", "")
	if n := strings.Count(out.String(), "component="); n != 2 {
		t.Errorf("log: %s", out.String())
	}
}
