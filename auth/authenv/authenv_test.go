package authenv_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keys = `[{"name": "svc", "key": "0123456789abcdef"}, {"name": "root", "key": "fedcba9876543210", "admin": true}]`

func open(t *testing.T, vars map[string]string, o authenv.Options) (*auth.Chain, error) {
	t.Helper()
	chain, err := authenv.Open(t.Context(), func(name string) string { return vars[name] }, o)
	if err == nil {
		t.Cleanup(func() { _ = chain.Close() })
	}
	return chain, err
}

func TestA3NothingConfigured(t *testing.T) {
	for _, vars := range []map[string]string{nil, {auth.EnvAPIKeys: "[]"}, {auth.EnvAPIKeys: "", auth.EnvOIDCConfig: " "}} {
		if _, err := open(t, vars, authenv.Options{}); !errors.Is(err, auth.ErrNoMethod) {
			t.Errorf("%v: %v", vars, err)
		}
	}
}

func TestA2Combinations(t *testing.T) {
	issuer := authtest.New(t)
	token := issuer.Sign(t, nil)
	for name, tc := range map[string]struct {
		vars       map[string]string
		methods    []auth.Method
		key, token bool
	}{
		"A2 keys":   {map[string]string{auth.EnvAPIKeys: keys}, []auth.Method{auth.MethodAPIKey}, true, false},
		"A155 OIDC": {map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: "[]"}, []auth.Method{auth.MethodOIDC}, false, true},
		"A32 both": {
			map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: keys},
			[]auth.Method{auth.MethodAPIKey, auth.MethodOIDC},
			true, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			chain, err := open(t, tc.vars, authenv.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(chain.Methods(), tc.methods) {
				t.Errorf("methods %v", chain.Methods())
			}
			for credential, want := range map[string]bool{"0123456789abcdef": tc.key, token: tc.token} {
				_, err := chain.Authenticate(t.Context(), []string{"Bearer " + credential})
				if (err == nil) != want {
					t.Errorf("%.8s…: %v", credential, err)
				}
				if !want && fault.KindOf(err) != fault.Unauthenticated {
					t.Errorf("%.8s…: %v", credential, err)
				}
			}
		})
	}
}

// TestA34KeyThatLooksLikeAToken configures a valid token as a key: the key's identity counts.
func TestA34KeyThatLooksLikeAToken(t *testing.T) {
	issuer := authtest.New(t)
	token := issuer.Sign(t, nil)
	chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: `[{"name": "svc", "key": "` + token + `"}]`}, authenv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := chain.Authenticate(t.Context(), []string{"Bearer " + token})
	if err != nil || id.Subject != "svc" {
		t.Errorf("Authenticate = %+v, %v", id, err)
	}
}

func TestA7StartsWithoutTheIssuer(t *testing.T) {
	issuer := authtest.New(t)
	issuer.Behave(authtest.Behaviour{Status: 500})
	chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config()}, authenv.Options{})
	if err != nil || chain == nil {
		t.Fatal(err)
	}
	if d, k := issuer.Requests(); d+k != 0 {
		t.Error("the issuer was asked at start")
	}
}

// TestB15SelfChosenEmail is the attack of an issuer's user who types an administrator's address into a profile.
func TestB15SelfChosenEmail(t *testing.T) {
	issuer := authtest.New(t)
	chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAdmins: `["root@example.com"]`}, authenv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		claims authtest.Claims
		admin  bool
	}{
		"A17 verified":               {authtest.Claims{"email": "root@example.com", "email_verified": true}, true},
		"B15 not verified":           {authtest.Claims{"email": "root@example.com", "email_verified": false}, false},
		"B15 nothing said":           {authtest.Claims{"email": "root@example.com"}, false},
		"B15 as preferred_username":  {authtest.Claims{"preferred_username": "root@example.com", "email_verified": true}, false},
		"B15 two addresses in email": {authtest.Claims{"email": []string{"a@b", "root@example.com"}, "email_verified": true}, false},
	} {
		id, err := chain.Authenticate(t.Context(), []string{"Bearer " + issuer.Sign(t, tc.claims)})
		if err != nil || id.Admin != tc.admin {
			t.Errorf("%s: admin %v, %v", name, id.Admin, err)
		}
	}
}

func TestB19AdminKey(t *testing.T) {
	chain, err := open(t, map[string]string{auth.EnvAPIKeys: keys, auth.EnvAdmins: `["svc"]`}, authenv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"0123456789abcdef": false, "fedcba9876543210": true} { // A20
		id, err := chain.Authenticate(t.Context(), []string{"Bearer " + key})
		if err != nil || id.Admin != want {
			t.Errorf("%+v, %v", id, err)
		}
	}
}

func TestB24Unsetenv(t *testing.T) {
	var unset []string
	_, err := open(t, map[string]string{auth.EnvAPIKeys: keys}, authenv.Options{Unsetenv: func(name string) error {
		unset = append(unset, name)
		return nil
	}})
	if err != nil || !slices.Equal(unset, []string{auth.EnvAPIKeys}) {
		t.Errorf("unset %v, %v", unset, err)
	}
}

func TestA4DisabledReadsNothing(t *testing.T) {
	var log bytes.Buffer
	chain, err := authenv.Open(t.Context(), func(name string) string {
		t.Errorf("%s was read", name)
		return ""
	}, authenv.Options{Disabled: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil || !chain.Disabled() || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("%v; log %q", err, log.String())
	}
}

// TestRun ends with its context, and leaves nothing behind (goleak).
func TestRun(t *testing.T) {
	issuer := authtest.New(t)
	for name, o := range map[string]authenv.Options{"on": {}, "disabled": {Disabled: true}, "disabled, open": {Disabled: true, Listen: []string{":1"}}} {
		chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config()}, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- chain.Run(ctx) }()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: Run = %v", name, err)
		}
	}
}

// BenchmarkChain is the promise: accepting a token that was seen before, or a key, takes 0.3 µs at the most and allocates
// nothing. The fastest of many batches is reported beside the mean, which on a busy machine measures the others.
func BenchmarkChain(b *testing.B) {
	issuer := authtest.New(b)
	cfg, _, err := auth.LoadConfig(func(name string) string {
		switch name {
		case auth.EnvAPIKeys:
			return keys
		case auth.EnvOIDCConfig:
			return issuer.Config()
		case auth.EnvAdmins:
			return `["root@example.com", "other"]`
		}
		return ""
	})
	if err != nil {
		b.Fatal(err)
	}
	chain := authenv.New(cfg, authenv.Options{})
	defer func() { _ = chain.Close() }()
	token := issuer.Sign(b, authtest.Claims{
		"sub": "110169484474386276334", "email": "root@example.com", "email_verified": true, "name": "Alice Example",
		"at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "azp": "407408718192.apps.googleusercontent.com",
	})
	for name, header := range map[string][]string{
		"token": {"Bearer " + token},
		"key":   {"Bearer 0123456789abcdef"},
	} {
		b.Run(name+"/one", func(b *testing.B) {
			ctx := b.Context()
			const batch = 1000
			best := time.Duration(1 << 62)
			b.ReportAllocs()
			for b.Loop() {
				begin := time.Now()
				for range batch {
					if _, err := chain.Authenticate(ctx, header); err != nil {
						b.Fatal(err)
					}
				}
				best = min(best, time.Since(begin))
			}
			b.ReportMetric(float64(best.Nanoseconds())/batch, "best-ns/call")
		})
		b.Run(name+"/eight", func(b *testing.B) {
			b.SetParallelism(max(1, 8/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx := b.Context()
				for pb.Next() {
					if _, err := chain.Authenticate(ctx, header); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// TestAcceptAllocatesNothing is the part of the promise that does not depend on the machine.
func TestAcceptAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	issuer := authtest.New(t)
	chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: keys, auth.EnvAdmins: `["alice"]`}, authenv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, credential := range []string{issuer.Sign(t, nil), "0123456789abcdef"} {
		header := []string{"Bearer " + credential}
		ctx := t.Context()
		if n := testing.AllocsPerRun(100, func() { _, _ = chain.Authenticate(ctx, header) }); n != 0 {
			t.Errorf("%.8s…: %v allocations", credential, n)
		}
	}
}
