package catalogtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

func newKey(name string, roles ...string) catalog.Key {
	return catalog.Key{Hash: sha256.Sum256([]byte(uuid.NewString())), Name: name, Roles: roles, CreatedBy: "ada"}
}

// createKey records a key that is new.
func createKey(t *testing.T, db *catalog.DB, k catalog.Key) catalog.Key {
	t.Helper()
	got, created, err := db.CreateKey(t.Context(), k)
	if err != nil || !created || got.ID == uuid.Nil {
		t.Fatalf("CreateKey = %+v, %v, %v", got, created, err)
	}
	return got
}

// readKeys calls a method of Reader in a snapshot of its own.
func readKeys[T any](t *testing.T, db *catalog.DB, get func(*catalog.Reader) (T, error)) T {
	t.Helper()
	var v T
	if err := db.Read(t.Context(), func(r *catalog.Reader) (err error) { v, err = get(r); return err }); err != nil {
		t.Fatal(err)
	}
	return v
}

func keyNames(list []catalog.Key) []string {
	names := []string{}
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names
}

func testKeys(t *testing.T, open Open) {
	c := newClock()
	db := open(t, c.now)
	full := newKey("full", "reader", "writer")
	full.MayDelegate, full.Imported, full.NotBefore, full.Expires = true, true, at(1), at(100)
	full.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	want := createKey(t, db, full)
	if want.Created != t0 || want.Revision != 1 || want.Hash != full.Hash {
		t.Errorf("created %+v", want)
	}
	for name, get := range map[string]func(*catalog.Reader) (catalog.Key, error){
		"by hash": func(r *catalog.Reader) (catalog.Key, error) { return r.KeyByHash(t.Context(), full.Hash) },
		"by id":   func(r *catalog.Reader) (catalog.Key, error) { return r.Key(t.Context(), want.ID) },
	} {
		if got := readKeys(t, db, get); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
	err := db.Read(t.Context(), func(r *catalog.Reader) error { _, err := r.KeyByHash(t.Context(), catalog.KeyHash{}); return err })
	if !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("KeyByHash of nothing = %v", err)
	}

	full.Name = "another name"
	again, created, err := db.CreateKey(t.Context(), full)
	if err != nil || created || !reflect.DeepEqual(again, want) {
		t.Errorf("the same hash again = %+v, %v, %v; want what is there", again, created, err)
	}

	c.advance(time.Second)
	createKey(t, db, newKey("w", "writer"))
	c.advance(time.Second)
	gone := createKey(t, db, newKey("gone\x00", "writer", "reader"))
	if gone.Name != "gone\uFFFD" {
		t.Errorf("name %q", gone.Name)
	}
	if _, err := db.RevokeKey(t.Context(), gone.ID, "bob"); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		filter catalog.KeyFilter
		want   []string
	}{
		"all, newest first": {catalog.KeyFilter{}, []string{"gone\uFFFD", "w", "full"}},
		"live":              {catalog.KeyFilter{Live: true}, []string{"w", "full"}},
		"role":              {catalog.KeyFilter{Role: "reader"}, []string{"gone\uFFFD", "full"}},
		"name and role":     {catalog.KeyFilter{Name: "w", Role: "writer"}, []string{"w"}},
		"page":              {catalog.KeyFilter{Limit: 1, Offset: 1}, []string{"w"}},
		"after the last":    {catalog.KeyFilter{Limit: 5, Offset: 3}, []string{}},
		"that end":          {catalog.KeyFilter{EndsBy: at(100)}, []string{"full"}},
		"that end before":   {catalog.KeyFilter{EndsBy: at(99)}, []string{}},
		"everything":        {catalog.KeyFilter{Name: "full", Role: "reader", Live: true, EndsBy: at(100), Limit: 3}, []string{"full"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := readKeys(t, db, func(r *catalog.Reader) ([]catalog.Key, error) { return r.Keys(t.Context(), tc.filter) })
			if !slices.Equal(keyNames(got), tc.want) {
				t.Errorf("got %q, want %q", keyNames(got), tc.want)
			}
		})
	}
}

// testKeyChanges is what replicas poll (B28).
func testKeyChanges(t *testing.T, open Open) {
	c := newClock()
	db, other := open(t, c.now), open(t, c.now)
	changes := func() catalog.KeyChanges {
		t.Helper()
		return readKeys(t, other, func(r *catalog.Reader) (catalog.KeyChanges, error) { return r.KeyChanges(t.Context()) })
	}
	since := func(revision int64) []string {
		t.Helper()
		return keyNames(readKeys(t, other, func(r *catalog.Reader) ([]catalog.Key, error) { return r.KeysChangedSince(t.Context(), revision) }))
	}
	if got := changes(); got != (catalog.KeyChanges{}) {
		t.Errorf("of an empty table: %+v", got)
	}
	a := createKey(t, db, newKey("a", "writer"))
	c.advance(time.Second)
	b := createKey(t, db, newKey("b", "writer"))
	if got := changes(); got != (catalog.KeyChanges{Revision: 2}) {
		t.Errorf("after two: %+v", got)
	}
	if got := since(1); !slices.Equal(got, []string{"b"}) {
		t.Errorf("changed since the first: %q", got)
	}

	c.advance(time.Second)
	first, err := db.RevokeKey(t.Context(), a.ID, "bob")
	if err != nil || first.Revoked != at(2) || first.RevokedBy != "bob" || first.Revision != 3 {
		t.Fatalf("RevokeKey = %+v, %v", first, err)
	}
	c.advance(time.Second)
	second, err := db.RevokeKey(t.Context(), a.ID, "eve")
	if err != nil || !reflect.DeepEqual(second, first) {
		t.Errorf("RevokeKey again = %+v, %v; want %+v", second, err, first)
	}
	if got := changes(); got.Revision != 3 {
		t.Errorf("a repeated revocation is a change: %+v", got)
	}
	if _, err := db.RevokeKey(t.Context(), uuid.New(), "bob"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("RevokeKey of nothing = %v", err)
	}
	if got := since(2); !slices.Equal(got, []string{"a"}) {
		t.Errorf("changed since the second: %q", got)
	}

	changed, err := db.ChangeKey(t.Context(), b.ID, func(k *catalog.Key) {
		k.Networks, k.Expires = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}, at(50)
		k.Name, k.Roles = "not recorded", nil
	})
	got := readKeys(t, db, func(r *catalog.Reader) (catalog.Key, error) { return r.Key(t.Context(), b.ID) })
	if err != nil || !reflect.DeepEqual(changed, got) || got.Name != "b" || len(got.Roles) != 1 || got.Expires != at(50) || got.Revision != 4 {
		t.Errorf("ChangeKey = %+v, %v; recorded %+v", changed, err, got)
	}
	if _, err := db.ChangeKey(t.Context(), uuid.New(), func(*catalog.Key) {}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("ChangeKey of nothing = %v", err)
	}

	imported := newKey("i", "reader")
	imported.Imported = true
	createKey(t, db, imported)
	createKey(t, db, newKey("j", "reader"))
	if got := changes(); got != (catalog.KeyChanges{Revision: 6, Imported: true}) {
		t.Errorf("after an import: %+v", got)
	}
}

func testTouchKeys(t *testing.T, open Open) {
	c := newClock()
	db := open(t, c.now)
	a, b := createKey(t, db, newKey("a", "writer")), createKey(t, db, newKey("b", "writer"))
	touch := func(used map[catalog.KeyID]telemetry.Time) {
		t.Helper()
		if err := db.TouchKeys(t.Context(), used); err != nil {
			t.Fatal(err)
		}
	}
	touch(nil)
	touch(map[catalog.KeyID]telemetry.Time{a.ID: at(10), b.ID: at(20), uuid.New(): at(1)})
	touch(map[catalog.KeyID]telemetry.Time{a.ID: at(30), b.ID: at(5)}) // of another replica, late
	for id, want := range map[catalog.KeyID]telemetry.Time{a.ID: at(30), b.ID: at(20)} {
		got := readKeys(t, db, func(r *catalog.Reader) (catalog.Key, error) { return r.Key(t.Context(), id) })
		if got.LastUsed != want {
			t.Errorf("%s was last used at %d, want %d", got.Name, got.LastUsed, want)
		}
	}
	if got := readKeys(t, db, func(r *catalog.Reader) (catalog.KeyChanges, error) { return r.KeyChanges(t.Context()) }); got.Revision != 2 {
		t.Errorf("use counts as a change: %+v", got)
	}
}

func testLiveKeys(t *testing.T, open Open) {
	c := newClock()
	db := open(t, c.now)
	live := func(want int64) {
		t.Helper()
		if n := readKeys(t, db, func(r *catalog.Reader) (int64, error) { return r.LiveKeys(t.Context()) }); n != want {
			t.Errorf("%d live keys, want %d", n, want)
		}
	}
	live(0)
	ends := newKey("ends", "writer")
	ends.Expires = at(10)
	createKey(t, db, ends)
	later := newKey("later", "writer")
	later.NotBefore = at(1000)
	k := createKey(t, db, later)
	live(2)
	c.advance(10 * time.Second)
	live(1)
	if _, err := db.RevokeKey(t.Context(), k.ID, ""); err != nil {
		t.Fatal(err)
	}
	live(0)
}

// testKeysTogether has writers at once: whoever polls sees every change exactly once, in order.
func testKeysTogether(t *testing.T, open Open) {
	const writers, each = 4, 10
	db, reader := open(t, time.Now), open(t, time.Now)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				k, created, err := db.CreateKey(t.Context(), newKey(fmt.Sprintf("%d/%d", w, i), "writer"))
				if err != nil || !created {
					t.Errorf("CreateKey = %v, %v", created, err)
					continue
				}
				if i%2 == 0 {
					if _, err := db.RevokeKey(t.Context(), k.ID, "x"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	state := map[catalog.KeyID]catalog.Key{}
	var seen int64
	poll := func() {
		err := reader.Read(t.Context(), func(r *catalog.Reader) error {
			now, err := r.KeyChanges(t.Context())
			if err != nil {
				return err
			}
			list, err := r.KeysChangedSince(t.Context(), seen)
			for _, k := range list {
				if k.Revision > now.Revision {
					t.Errorf("revision %d after %d", k.Revision, now.Revision)
				}
				state[k.ID] = k
			}
			seen = now.Revision
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		poll()
	}
	all := readKeys(t, db, func(r *catalog.Reader) ([]catalog.Key, error) { return r.Keys(t.Context(), catalog.KeyFilter{}) })
	if len(all) != writers*each || len(state) != len(all) {
		t.Errorf("%d keys, %d seen by polling, want %d", len(all), len(state), writers*each)
	}
	for _, k := range all {
		if !reflect.DeepEqual(state[k.ID], k) {
			t.Errorf("polling saw %+v, there is %+v", state[k.ID], k)
		}
	}
}
