package authenv_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// testCertificate returns a certificate in PEM.
func testCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestA154SideBySide mixes old keys and tokens in any order; TestA155 takes the keys away.
func TestA154SideBySide(t *testing.T) {
	issuer := authtest.New(t)
	chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: keys}, authenv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	token := issuer.Sign(t, nil)
	for n := range 20 {
		credential, want := token, auth.MethodOIDC
		if n%3 == 0 {
			credential, want = "0123456789abcdef", auth.MethodAPIKey
		}
		id, err := chain.Authenticate(t.Context(), []string{"Bearer " + credential})
		if err != nil || id.Method != want || !id.Roles.Has(auth.RoleDefault) {
			t.Errorf("%+v, %v", id, err)
		}
	}
}

func TestA155WithoutKeys(t *testing.T) {
	issuer := authtest.New(t)
	for _, text := range []string{"", " ", "[]"} {
		chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: text}, authenv.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.Authenticate(t.Context(), []string{"Bearer 0123456789abcdef"}); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%q: key: %v", text, err)
		}
		if _, err := chain.Authenticate(t.Context(), []string{"Bearer " + issuer.Sign(t, nil)}); err != nil {
			t.Errorf("%q: token: %v", text, err)
		}
	}
}

// TestA68KeysAloneHaveNoAdministrators, whatever MICROMEGAS_ADMINS says; opening takes an explicit switch (B19).
func TestA68KeysAloneHaveNoAdministrators(t *testing.T) {
	const plain = `[{"name": "svc", "key": "0123456789abcdef"}]`
	for name, tc := range map[string]struct {
		vars map[string]string
		want bool
	}{
		"A68 keys alone":               {map[string]string{auth.EnvAPIKeys: plain}, false},
		"A20 named as one":             {map[string]string{auth.EnvAPIKeys: plain, auth.EnvAdmins: `["svc"]`}, false},
		"B19 the switch":               {map[string]string{auth.EnvAPIKeys: plain, auth.EnvAllowKeyAdmin: "svc"}, true},
		"B19 the key's own member":     {map[string]string{auth.EnvAPIKeys: strings.Replace(plain, `"key"`, `"admin": true, "key"`, 1)}, true},
		"B19 the key's own role":       {map[string]string{auth.EnvAPIKeys: strings.Replace(plain, `"key"`, `"roles": ["admin"], "key"`, 1)}, true},
		"B19 another role is no admin": {map[string]string{auth.EnvAPIKeys: strings.Replace(plain, `"key"`, `"roles": ["key-manager"], "key"`, 1)}, false},
	} {
		chain, err := open(t, tc.vars, authenv.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, err := chain.Admit(t.Context(), auth.Call{Authorization: []string{"Bearer 0123456789abcdef"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := auth.RequireAdmin(ctx, "retire_partitions") == nil; got != tc.want {
			t.Errorf("%s: administrator %v", name, got)
		}
	}
}

// TestA40KeysEndWithTheProcess: a key stops working when a process starts without it.
func TestA40KeysEndWithTheProcess(t *testing.T) {
	for text, want := range map[string]bool{keys: true, `[{"name": "other", "key": "other-other-other"}]`: false} {
		chain, err := open(t, map[string]string{auth.EnvAPIKeys: text}, authenv.Options{Now: func() time.Time { return time.Now().AddDate(50, 0, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.Authenticate(t.Context(), []string{"Bearer 0123456789abcdef"}); (err == nil) != want {
			t.Errorf("%v", err)
		}
	}
}

// TestA31EveryCallByItself: nothing of one call's success helps the next.
func TestA31EveryCallByItself(t *testing.T) {
	chain, err := open(t, map[string]string{auth.EnvAPIKeys: keys}, authenv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	call := auth.Call{Authorization: []string{"Bearer 0123456789abcdef"}, Peer: "192.0.2.1:1"}
	if _, err := chain.Admit(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	call.Authorization = nil
	if _, err := chain.Admit(t.Context(), call); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("Admit = %v", err)
	}
}

// TestA78NothingOfTheCredential is in any answer, for any kind of defect.
func TestA78NothingOfTheCredential(t *testing.T) {
	issuer := authtest.New(t)
	var log bytes.Buffer
	chain, err := open(t, map[string]string{auth.EnvOIDCConfig: issuer.Config(), auth.EnvAPIKeys: keys},
		authenv.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	expired := issuer.Sign(t, authtest.Claims{"sub": "needle", "exp": 1})
	for _, credential := range []string{"needle-needle", expired, issuer.Sign(t, authtest.Claims{"iss": "https://needle"}), "needle.needle.needle", strings.Repeat("needle", 4000)} {
		_, err := chain.Authenticate(t.Context(), []string{"Bearer " + credential})
		if err == nil || strings.Contains(fault.Of(err).Public(), "needle") || strings.Contains(err.Error(), credential) {
			t.Errorf("%v", err)
		}
	}
	if strings.Contains(log.String(), "needle") || strings.Contains(log.String(), expired) {
		t.Errorf("log: %s", log.String())
	}
}
