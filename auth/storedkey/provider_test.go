package storedkey

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// fakeStore is a store in memory whose failures and delays tests cause. Package keyadmin has the real one.
type fakeStore struct {
	mu       sync.Mutex
	keys     map[Hash]Key
	changed  map[uuid.UUID]int64
	revision int64
	imported bool
	used     map[uuid.UUID]time.Time
	lookUps  int
	down     error
	hold     chan struct{} // look-ups wait for it after they have looked
	looked   chan struct{} // gets one when a look-up waits
}

func newStore() *fakeStore {
	return &fakeStore{keys: map[Hash]Key{}, changed: map[uuid.UUID]int64{}, used: map[uuid.UUID]time.Time{}}
}

func (s *fakeStore) put(text auth.Secret, k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	s.keys[HashOf(text)] = k
	s.changed[k.ID] = s.revision
}

// mint stores a new key with the role writer, changed by change.
func (s *fakeStore) mint(name string, change ...func(*Key)) (auth.Secret, Key) {
	text, k := Mint(), Key{ID: uuid.New(), Name: name, Roles: auth.RoleWriter}
	for _, f := range change {
		f(&k)
	}
	s.put(text, k)
	return text, k
}

func (s *fakeStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *fakeStore) KeyByHash(ctx context.Context, hash Hash) (Key, int64, error) {
	s.mu.Lock()
	s.lookUps++
	k, ok := s.keys[hash]
	revision, err := s.revision, s.down
	hold, looked := s.hold, s.looked
	s.mu.Unlock()
	if hold != nil {
		looked <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
			return Key{}, 0, ctx.Err()
		}
	}
	switch {
	case err != nil:
		return Key{}, 0, err
	case !ok:
		return Key{}, revision, ErrNotFound
	}
	return k, revision, nil
}

func (s *fakeStore) KeysChangedSince(_ context.Context, since int64) (Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Changes{Revision: s.revision, Imported: s.imported}
	if since >= 0 {
		for id, r := range s.changed {
			if r > since {
				c.Keys = append(c.Keys, id)
			}
		}
	}
	return c, s.down
}

func (s *fakeStore) KeysEnding(context.Context, time.Time, time.Time) ([]Key, error) {
	return nil, s.down
}

func (s *fakeStore) TouchKeys(_ context.Context, used map[uuid.UUID]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	maps.Copy(s.used, used)
	return nil
}

func (s *fakeStore) looks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookUps
}

// check has p decide about a text.
func check(t *testing.T, p *Provider, text auth.Secret, want error) *auth.Verified {
	t.Helper()
	v, err := p.Authenticate(t.Context(), text)
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("Authenticate = %v, want %v", err, want)
	}
	return v
}

func checkUnavailable(t *testing.T, p *Provider, text auth.Secret) {
	t.Helper()
	if _, err := p.Authenticate(t.Context(), text); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Authenticate = %v, want unavailable", err)
	}
}

func TestAuthenticate(t *testing.T) {
	s := newStore()
	s.imported = true
	good, _ := s.mint("good")
	revoked, _ := s.mint("revoked", func(k *Key) { k.Revoked = time.Now() })
	powerless, _ := s.mint("powerless", func(k *Key) { k.Roles = 0 })
	ended, _ := s.mint("ended", func(k *Key) { k.Expires = time.Now().Add(-time.Hour) })
	early, _ := s.mint("early", func(k *Key) { k.NotBefore = time.Now().Add(time.Hour) })
	recipe := auth.Secret(strings.Repeat("+/9a", 171))
	s.put(recipe, Key{ID: uuid.New(), Name: "recipe", Roles: auth.RoleReader})
	token := auth.Secret("e30.e30.AAAAAAAAAAAAAAA")
	s.put(token, Key{ID: uuid.New(), Name: "token", Roles: auth.RoleReader})
	p := New(s, Options{})
	for name, tc := range map[string]struct {
		text auth.Secret
		want error
		asks bool // the store is asked, the first time
	}{
		"A36 the key":                    {good, nil, true},
		"A36 imported, of the recipe":    {recipe, nil, true},
		"A34 imported, looks like a JWT": {token, nil, true},
		"A36 not a key":                  {Mint(), ErrUnknown, true},
		"A36 another case":               {auth.Secret(strings.ToUpper(string(recipe))), ErrUnknown, true},
		"A36 the name":                   {"good", ErrUnknown, false},
		"A24 empty":                      {"", ErrUnknown, false},
		"A36 too long to be one":         {auth.Secret(strings.Repeat("x", 5000)), ErrUnknown, false},
		"B29 wrong checksum":             {good[:52] + "-", ErrMistyped, false},
		"B28 revoked":                    {revoked, ErrRevoked, true},
		"B27 expired":                    {ended, ErrExpired, true},
		"B27 not yet valid":              {early, ErrNotYetValid, true},
		"B19 roles of a newer program":   {powerless, ErrNoRoles, true},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 3 {
				before := s.looks()
				check(t, p, tc.text, tc.want)
				if asked := s.looks() > before; asked != (tc.asks && i == 0) {
					t.Errorf("time %d: the store was asked: %v", i+1, asked)
				}
			}
		})
	}
	if got := p.Stats(); got.Keys != 5 || got.Refused != 4 || got.Revoked != 3 {
		t.Errorf("stats %+v", got)
	}
}

func TestA38Identity(t *testing.T) {
	s := newStore()
	end := time.Now().Add(time.Hour)
	plain, _ := s.mint("alice@example.com")
	full, _ := s.mint("full", func(k *Key) {
		k.Roles, k.MayDelegate, k.Expires = auth.RoleReader|auth.RoleAdmin, true, end
		k.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	p := New(s, Options{})
	for text, want := range map[auth.Secret]auth.Identity{
		plain: {Subject: "alice@example.com", Issuer: "api_key", Method: auth.MethodAPIKey, Roles: auth.RoleWriter},
		full: {
			Subject: "full", Issuer: "api_key", Method: auth.MethodAPIKey, Roles: auth.RoleReader | auth.RoleAdmin, Admin: true,
			MayDelegate: true, Expiry: end,
		},
	} {
		if got := check(t, p, text, nil); !reflect.DeepEqual(*got.Identity(), want) {
			t.Errorf("identity %+v, want %+v", *got.Identity(), want)
		}
	}
	chain := auth.NewChain(auth.NewPolicy([]string{"alice@example.com"}), p)
	ctx := auth.WithClient(t.Context(), netip.MustParseAddr("10.1.2.3"), "")
	id, err := chain.AuthenticateToken(ctx, plain)
	if err != nil || id.Admin || id.Roles != auth.RoleWriter {
		t.Errorf("A20 a name makes no administrator, B19 a role is no other: %+v, %v", id, err)
	}
	if id, err := chain.AuthenticateToken(ctx, full); err != nil || !id.Admin {
		t.Errorf("B19 granted explicitly: %+v, %v", id, err)
	}
	if _, err := chain.AuthenticateToken(auth.WithClient(ctx, netip.MustParseAddr("11.1.2.3"), ""), full); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("B27 from another network: %v", err)
	}
}

// TestB24NoKeyIsKept looks for a key in everything the provider holds.
func TestB24NoKeyIsKept(t *testing.T) {
	s := newStore()
	text, _ := s.mint("k")
	unknown := Mint()
	p := New(s, Options{})
	check(t, p, text, nil)
	check(t, p, unknown, ErrUnknown)
	p.store = nil
	if authtest.Holds(p, string(text), string(unknown)) {
		t.Error("a key is kept in clear")
	}
}

// While nothing was imported, tokens that no issuer accepted cost the store nothing.
func TestTokensAreNotLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := New(s, Options{})
		check(t, p, "e30.e30.AAAAAAAAAAAAAAA", ErrUnknown)
		if n := s.looks(); n != 0 {
			t.Errorf("%d look-ups", n)
		}
		s.put("e30.e30.AAAAAAAAAAAAAAA", Key{ID: uuid.New(), Name: "imported", Roles: auth.RoleReader})
		s.imported = true
		time.Sleep(ChangesWithin)
		check(t, p, "e30.e30.AAAAAAAAAAAAAAA", nil)
	})
}

// TestB28Changes has two replicas, one that polls by itself and one that nobody runs.
func TestB28Changes(t *testing.T) {
	for name, run := range map[string]bool{"polling": true, "on request": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				kept, _ := s.mint("kept")
				gone, goneKey := s.mint("gone")
				p := New(s, Options{})
				if run {
					ctx, stop := context.WithCancel(t.Context())
					ended := make(chan error, 1)
					go func() { ended <- p.Run(ctx) }()
					defer func() {
						stop()
						if err := <-ended; err != nil {
							t.Errorf("Run = %v", err)
						}
					}()
				}
				later := Mint()
				time.Sleep(time.Second)
				check(t, p, kept, nil)
				check(t, p, gone, nil)
				check(t, p, later, ErrUnknown)

				s.put(later, Key{ID: uuid.New(), Name: "later", Roles: auth.RoleWriter})
				goneKey.Revoked = time.Now()
				s.put(gone, goneKey)
				looks := s.looks()
				time.Sleep(ChangesWithin)
				check(t, p, later, nil)
				check(t, p, gone, ErrRevoked)
				check(t, p, kept, nil)
				if n := s.looks() - looks; n != 2 {
					t.Errorf("%d look-ups, want those of the two keys that changed", n)
				}
			})
		})
	}
}

// A look-up that was overtaken by a revocation and the poll that saw it does not bring the key back.
func TestB28OvertakenLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		text, k := s.mint("k")
		p := New(s, Options{})
		p.Poll(t.Context())
		s.hold, s.looked = make(chan struct{}), make(chan struct{})
		answered := make(chan error, 1)
		go func() {
			_, err := p.Authenticate(t.Context(), text)
			answered <- err
		}()
		<-s.looked
		k.Revoked = time.Now()
		s.put(text, k)
		p.Poll(t.Context())
		close(s.hold)
		if err := <-answered; err != nil {
			t.Errorf("the request that began before = %v", err)
		}
		s.mu.Lock()
		s.hold = nil
		s.mu.Unlock()
		check(t, p, text, ErrRevoked)
	})
}

// The catalog was replaced by an older copy: what is remembered may not be in it.
func TestReplacedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.revision = 10
		text, _ := s.mint("k")
		p := New(s, Options{})
		check(t, p, text, nil)
		s.mu.Lock()
		s.keys, s.changed, s.revision = map[Hash]Key{}, map[uuid.UUID]int64{}, 3
		s.mu.Unlock()
		time.Sleep(ChangesWithin)
		check(t, p, text, ErrUnknown)
	})
}

func TestB27ExpiryIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		text, _ := s.mint("k", func(k *Key) { k.NotBefore, k.Expires = time.Now().Add(time.Minute), time.Now().Add(2*time.Minute) })
		p := New(s, Options{})
		for _, want := range []error{ErrNotYetValid, nil, ErrExpired, ErrExpired} {
			check(t, p, text, want)
			time.Sleep(time.Minute)
		}
		var stats auth.Stats
		if p.AddStats(&stats); stats.KeysExpired != 1 {
			t.Errorf("stats %+v", stats)
		}
	})
}

func TestA57Outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		used, usedKey := s.mint("used")
		unused, _ := s.mint("unused")
		nothing := Mint()
		p := New(s, Options{MaxStale: time.Minute})
		check(t, p, used, nil)
		check(t, p, nothing, ErrUnknown)
		if d := p.Degraded(); d != nil {
			t.Errorf("degraded: %q", d)
		}
		s.fail(errors.New("connection refused"))
		for range 11 { // 55 s
			time.Sleep(ChangesWithin)
			check(t, p, used, nil)
			check(t, p, used[:52]+"-", ErrMistyped)
			checkUnavailable(t, p, unused)
			checkUnavailable(t, p, nothing) // it may have been created since
		}
		if d := p.Degraded(); len(d) != 1 || !strings.Contains(d[0], "no answer from the catalog since") {
			t.Errorf("degraded: %q", d)
		}
		time.Sleep(ChangesWithin + time.Second)
		checkUnavailable(t, p, used) // MaxStale has passed
		usedKey.Revoked = time.Now()
		s.put(used, usedKey)
		s.fail(nil)
		time.Sleep(ChangesWithin)
		check(t, p, used, ErrRevoked)
		check(t, p, unused, nil)
		if st := p.Stats(); st.PollErrors == 0 || st.LookUpErrors == 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestA57OutageAtStart(t *testing.T) {
	s := newStore()
	text, _ := s.mint("k")
	s.fail(errors.New("connection refused"))
	p := New(s, Options{})
	checkUnavailable(t, p, text)
	checkUnavailable(t, p, "e30.e30.AAAAAAAAAAAAAAA")
	if d := p.Degraded(); len(d) != 1 {
		t.Errorf("degraded: %q", d)
	}
	chain := auth.NewChain(nil, p)
	if _, err := chain.AuthenticateToken(t.Context(), text); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the chain answers %v", err)
	}
}

// Unknown keys do not take all connections: the fifth waits, and says so when it has waited long enough.
func TestFewLookUpsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := New(s, Options{})
		p.Poll(t.Context())
		s.hold, s.looked = make(chan struct{}), make(chan struct{}, 10)
		var wg sync.WaitGroup
		for range mostLookUps + 1 {
			wg.Go(func() { checkUnavailable(t, p, Mint()) })
		}
		synctest.Wait()
		if n := len(s.looked); n != mostLookUps {
			t.Errorf("%d look-ups at a time", n)
		}
		wg.Wait() // their time limits pass
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Authenticate(ctx, Mint()); !errors.Is(err, context.Canceled) {
			t.Errorf("for a caller who left: %v", err)
		}
	})
}

func TestBounds(t *testing.T) {
	s := newStore()
	p := New(s, Options{Keys: 3, Refused: 3})
	for range 10 {
		text, _ := s.mint("k")
		check(t, p, text, nil)
		check(t, p, text, nil)
		check(t, p, Mint(), ErrUnknown)
		if st := p.Stats(); st.Keys > 3 || st.Refused > 3 || len(p.sums) != st.Keys {
			t.Fatalf("stats %+v", st)
		}
	}
}

func TestB29LastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a, aKey := s.mint("a")
		b, bKey := s.mint("b")
		p := New(s, Options{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		begin := time.Now()
		at := func(k Key) time.Duration {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.used[k.ID].IsZero() {
				return -1
			}
			return s.used[k.ID].Sub(begin)
		}
		time.Sleep(10 * time.Second)
		check(t, p, a, nil)
		check(t, p, b, nil)
		time.Sleep(10 * time.Second)
		check(t, p, a, nil)
		if at(aKey) != -1 {
			t.Error("written at once")
		}
		bKey.Revoked = time.Now() // its use must not be lost
		s.put(b, bKey)
		time.Sleep(45 * time.Second)
		if at(aKey) != 20*time.Second || at(bKey) != 10*time.Second {
			t.Errorf("uses at %s and %s, want 20s and 10s", at(aKey), at(bKey))
		}
		s.fail(errors.New("down"))
		check(t, p, a, nil) // at 65 s
		time.Sleep(60 * time.Second)
		s.fail(nil)
		time.Sleep(60 * time.Second)
		if at(aKey) != 65*time.Second {
			t.Errorf("use at %s, want it written after the outage", at(aKey))
		}
		time.Sleep(time.Second)
		check(t, p, a, nil)
		stop()
		if err := <-ended; err != nil || at(aKey) != 186*time.Second {
			t.Errorf("Run = %v, use at %s; want it written at the end", err, at(aKey))
		}
	})
}

func TestConcurrent(t *testing.T) {
	s := newStore()
	text, k := s.mint("k")
	p := New(s, Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				check(t, p, text, nil)
				check(t, p, text[:52]+"-", ErrMistyped)
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			s.put(text, k)
			p.Poll(t.Context())
			p.writeUses(t.Context())
		}
	})
	wg.Wait()
}

func TestCachedKeysAllocateNothing(t *testing.T) {
	s := newStore()
	text, _ := s.mint("k")
	unknown := Mint()
	p := New(s, Options{})
	ctx := t.Context()
	for name, token := range map[string]auth.Secret{"accepted": text, "refused": unknown} {
		_, _ = p.Authenticate(ctx, token)
		if n := testing.AllocsPerRun(100, func() { _, _ = p.Authenticate(ctx, token) }); n > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	s := newStore()
	text, _ := s.mint("k")
	p := New(s, Options{})
	for name, token := range map[string]auth.Secret{"accepted": text, "refused": Mint(), "wrong checksum": text[:52] + "-"} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Authenticate(ctx, token)
			}
		})
	}
}
