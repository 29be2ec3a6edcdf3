package keyadmin_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/pgtest"
	"github.com/micromegas-go/micromegas/keyadmin"
)

func open(t *testing.T, dsn string) *catalog.DB {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: dsn, BusyTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func mint(t *testing.T, k *keyadmin.Keys, s keyadmin.Spec) (catalog.Key, auth.Secret) {
	t.Helper()
	key, text, err := k.Mint(t.Context(), s, "test")
	if err != nil {
		t.Fatal(err)
	}
	return key, text
}

func check(t *testing.T, p *storedkey.Provider, text auth.Secret, want error) {
	t.Helper()
	if _, err := p.Authenticate(t.Context(), text); !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("Authenticate = %v, want %v", err, want)
	}
}

// TestB28Replicas has two servers on one catalog, each with its connections, their tickers and a clock that the test moves.
func TestB28Replicas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	synctest.Test(t, func(t *testing.T) {
		var replicas []*storedkey.Provider
		var admin *keyadmin.Keys
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for range 2 {
			admin = keyadmin.New(open(t, path), keyadmin.Options{})
			p := storedkey.New(admin, storedkey.Options{})
			go func() { ended <- p.Run(ctx) }()
			replicas = append(replicas, p)
		}
		writer := keyadmin.Spec{Name: "k", Roles: auth.RoleWriter}
		first, firstText := mint(t, admin, writer)
		short := writer
		short.Expires = time.Now().Add(time.Minute)
		_, shortText := mint(t, admin, short)
		later := storedkey.Mint()
		for _, p := range replicas {
			check(t, p, firstText, nil) // at once: unknown keys are looked up
			check(t, p, shortText, nil)
			check(t, p, later, storedkey.ErrUnknown)
		}
		if _, err := admin.Revoke(t.Context(), first.ID, "test"); err != nil {
			t.Fatal(err)
		}
		if _, imported, err := admin.Import(t.Context(), writer, later, "test"); err != nil || !imported {
			t.Fatal(imported, err)
		}
		time.Sleep(storedkey.ChangesWithin)
		for _, p := range replicas {
			check(t, p, firstText, storedkey.ErrRevoked)
			check(t, p, later, nil)
			check(t, p, shortText, nil)
		}
		time.Sleep(time.Minute)
		for _, p := range replicas {
			check(t, p, shortText, storedkey.ErrExpired)
		}
		time.Sleep(time.Minute)
		list, err := admin.List(t.Context(), catalog.KeyFilter{Live: true})
		if err != nil || len(list) != 2 || list[0].LastUsed == 0 || list[1].LastUsed == 0 {
			t.Errorf("B29 the uses are not recorded: %+v, %v", list, err)
		}
		stop()
		for range replicas {
			if err := <-ended; err != nil {
				t.Errorf("Run = %v", err)
			}
		}
	})
}

// TestB28ReplicasPostgres is the same with polls by hand, and the server going away.
func TestB28ReplicasPostgres(t *testing.T) {
	server := pgtest.Start(t)
	dsn := server.NewDatabase(t)
	admin := keyadmin.New(open(t, dsn), keyadmin.Options{})
	now := time.Now()
	clock := func() time.Time { return now }
	var replicas []*storedkey.Provider
	for range 2 {
		replicas = append(replicas, storedkey.New(keyadmin.New(open(t, dsn), keyadmin.Options{}), storedkey.Options{Now: clock, MaxStale: time.Minute}))
	}
	kept, keptText := mint(t, admin, keyadmin.Spec{Name: "kept", Roles: auth.RoleWriter})
	gone, goneText := mint(t, admin, keyadmin.Spec{Name: "gone", Roles: auth.RoleReader})
	for _, p := range replicas {
		check(t, p, keptText, nil)
		check(t, p, goneText, nil)
	}
	if _, err := admin.Revoke(t.Context(), gone.ID, "test"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(storedkey.PollEvery)
	for _, p := range replicas {
		p.Poll(t.Context())
		check(t, p, goneText, storedkey.ErrRevoked)
		check(t, p, keptText, nil)
	}
	if key, err := admin.Key(t.Context(), kept.ID); err != nil || key.Name != "kept" {
		t.Errorf("Key = %+v, %v", key, err)
	}

	server.Stop()
	for _, p := range replicas {
		now = now.Add(storedkey.ChangesWithin)
		p.Poll(t.Context())
		check(t, p, keptText, nil)
		for _, text := range []auth.Secret{goneText, storedkey.Mint()} {
			if _, err := p.Authenticate(t.Context(), text); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("A57 during an outage: %v", err)
			}
		}
	}
	if _, _, err := admin.Mint(t.Context(), keyadmin.Spec{Name: "x", Roles: auth.RoleWriter}, "test"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Mint during an outage: %v", err)
	}
}

// TestOrder: keys of the environment, then tokens, then stored keys (§30.2).
func TestOrder(t *testing.T) {
	keys := keyadmin.New(open(t, filepath.Join(t.TempDir(), "catalog.db")), keyadmin.Options{})
	const both = "configured-and-stored"
	if _, _, err := keys.Import(t.Context(), keyadmin.Spec{Name: "stored", Roles: auth.RoleWriter}, both, "test"); err != nil {
		t.Fatal(err)
	}
	_, text := mint(t, keys, keyadmin.Spec{Name: "minted", Roles: auth.RoleWriter})
	chain := authenv.New(auth.Config{
		APIKeys: []auth.APIKey{{Name: "configured", Key: both}},
		OIDC:    auth.OIDC{Issuers: []auth.Issuer{{Issuer: "https://issuer.example", Audiences: []string{"x"}}}},
	}, authenv.Options{Extra: []auth.Provider{storedkey.New(keys, storedkey.Options{})}})
	defer chain.Close()
	for token, want := range map[auth.Secret]string{both: "configured", text: "minted"} {
		if id, err := chain.AuthenticateToken(t.Context(), token); err != nil || id.Subject != want {
			t.Errorf("identity %+v, %v; want %s", id, err, want)
		}
	}
	if _, err := chain.AuthenticateToken(t.Context(), storedkey.Mint()); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("A75 an unknown key = %v", err)
	}
}

func TestB29Rotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	synctest.Test(t, func(t *testing.T) {
		keys := keyadmin.New(open(t, path), keyadmin.Options{})
		const day = 24 * time.Hour
		begin := time.Now()
		old, oldText := mint(t, keys, keyadmin.Spec{Name: "k", Roles: auth.RoleReader, MayDelegate: true, Expires: begin.Add(90 * day)})
		time.Sleep(80 * day)
		changed, successor, text, err := keys.Rotate(t.Context(), old.ID, 7*day, "test")
		if err != nil || text == oldText || successor.Name != "k" || !successor.MayDelegate || len(successor.Roles) != 1 {
			t.Fatalf("Rotate = %+v, %v", successor, err)
		}
		if got := successor.Expires.Std().Sub(begin); got != 170*day {
			t.Errorf("the successor ends after %s", got)
		}
		if got := changed.Expires.Std().Sub(begin); got != 87*day {
			t.Errorf("the old key ends after %s", got)
		}
		p := storedkey.New(keys, storedkey.Options{})
		check(t, p, oldText, nil)
		check(t, p, text, nil)
		// An end that is nearer than the overlap stays.
		if changed, _, _, err := keys.Rotate(t.Context(), old.ID, 30*day, "test"); err != nil || changed.Expires.Std().Sub(begin) != 87*day {
			t.Errorf("Rotate again = %+v, %v", changed, err)
		}
		if _, err := keys.Revoke(t.Context(), old.ID, "test"); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := keys.Rotate(t.Context(), old.ID, 0, "test"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Rotate of a revoked key: %v", err)
		}
	})
}

func TestB27KeysEnding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	synctest.Test(t, func(t *testing.T) {
		keys := keyadmin.New(open(t, path), keyadmin.Options{})
		now := time.Now()
		for name, end := range map[string]time.Duration{"soon": time.Hour, "late": 100 * time.Hour, "never": 0} {
			s := keyadmin.Spec{Name: name, Roles: auth.RoleReader}
			if end != 0 {
				s.Expires = now.Add(end)
			}
			mint(t, keys, s)
		}
		list, err := keys.KeysEnding(t.Context(), now, now.Add(2*time.Hour))
		if err != nil || len(list) != 1 || list[0].Name != "soon" {
			t.Errorf("KeysEnding = %+v, %v", list, err)
		}
		if list, err := keys.KeysEnding(t.Context(), now.Add(2*time.Hour), now.Add(3*time.Hour)); err != nil || len(list) != 0 {
			t.Errorf("KeysEnding later = %+v, %v", list, err)
		}
	})
}
