package catalog

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// KeyID identifies an API key, in commands, routes and logs.
type KeyID = uuid.UUID

// KeyHash is the SHA-256 of a key's text: all that the catalog knows of it.
type KeyHash [sha256.Size]byte

// Key is an API key. Times that are 0 are not set. What its roles mean is up to package auth.
type Key struct {
	ID          KeyID
	Hash        KeyHash
	Name        string         // for people, logs and audit; several keys may share one
	Roles       []string       // what the key may do
	MayDelegate bool           // whether it may name the user it asks for
	Networks    []netip.Prefix // where it may come from; none means anywhere
	Imported    bool           // its text was made elsewhere and has any form
	Created     telemetry.Time
	CreatedBy   string
	NotBefore   telemetry.Time // accepted from then on
	Expires     telemetry.Time // refused from then on
	LastUsed    telemetry.Time // about
	Revoked     telemetry.Time // refused since, for ever
	RevokedBy   string
	Revision    int64 // of the last change of anything but LastUsed
}

// KeyChanges says how far the keys have changed.
type KeyChanges struct {
	// Revision is that of the last change, 0 if there was none. Changes are numbered in the order in which they are
	// committed: whoever has seen a revision never misses an earlier one.
	Revision int64
	// Imported reports whether a key was ever imported, so that a text of any form may be a key.
	Imported bool
}

// KeyFilter narrows what Keys returns; zero fields do not narrow.
type KeyFilter struct {
	Name   string
	Role   string         // keys that have it
	Live   bool           // without those that are revoked
	EndsBy telemetry.Time // keys that expire then or before
	Limit  int            // at most so many; 0 means all
	Offset int            // leave out so many of the newest; only with Limit
}

// CreateKey records k. Its ID and, unless it is set, its time of creation are chosen here. If a key with the same hash is
// there already, revoked or not, nothing changes and that one is returned.
func (db *DB) CreateKey(ctx context.Context, k Key) (_ Key, created bool, err error) {
	err = db.write(ctx, "create an API key", func(s *session) error {
		created = false
		changes, err := lockKeys(ctx, s)
		if err != nil {
			return err
		}
		switch known, err := oneKey(ctx, s, "hash", k.Hash[:]); {
		case err == nil:
			k = known
			return nil
		case !errors.Is(err, ErrNotFound):
			return err
		}
		k.ID = uuid.New()
		k.Name, k.CreatedBy = clean(k.Name), clean(k.CreatedBy)
		if k.Created == 0 {
			k.Created = db.timeNow()
		}
		changes.Revision++
		changes.Imported = changes.Imported || k.Imported
		k.Revision, k.LastUsed, k.Revoked, k.RevokedBy = changes.Revision, 0, 0, ""
		roles, networks, err := k.lists()
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, query{name: "insert_key", args: []any{
			id(k.ID), k.Hash[:], k.Name, roles, number(k.MayDelegate), networks, number(k.Imported), int64(k.Created), k.CreatedBy,
			orNull(k.NotBefore), orNull(k.Expires), k.Revision,
		}})
		created = err == nil
		return errors.Join(err, setKeyChanges(ctx, s, changes))
	})
	if err != nil {
		return Key{}, false, err
	}
	return k, created, nil
}

// RevokeKey revokes a key for ever and returns it. A key that is revoked already keeps its time. ErrNotFound means that
// there is no such key.
func (db *DB) RevokeKey(ctx context.Context, key KeyID, by string) (Key, error) {
	return db.changeKey(ctx, "revoke API key", key, func(s *session, k *Key) error {
		if k.Revoked != 0 {
			return errStop
		}
		k.Revoked, k.RevokedBy = db.timeNow(), clean(by)
		_, err := s.exec(ctx, query{name: "revoke_key", args: []any{int64(k.Revoked), k.RevokedBy, k.Revision, id(key)}})
		return err
	})
}

// ChangeKey lets change set the networks and the end of a key, and returns the key. Other changes are not recorded.
// change runs within the transaction, possibly several times. ErrNotFound means that there is no such key.
func (db *DB) ChangeKey(ctx context.Context, key KeyID, change func(*Key)) (Key, error) {
	return db.changeKey(ctx, "change API key", key, func(s *session, k *Key) error {
		changed := *k
		change(&changed)
		k.Networks, k.Expires = changed.Networks, changed.Expires
		_, networks, err := k.lists()
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, query{name: "change_key", args: []any{networks, orNull(k.Expires), k.Revision, id(key)}})
		return err
	})
}

// changeKey calls change with a key that has its next revision already; errStop means that nothing changed.
func (db *DB) changeKey(ctx context.Context, what string, key KeyID, change func(*session, *Key) error) (Key, error) {
	var k Key
	err := db.write(ctx, what+" "+key.String(), func(s *session) error {
		changes, err := lockKeys(ctx, s)
		if err != nil {
			return err
		}
		if k, err = oneKey(ctx, s, "id", id(key)); err != nil {
			return err
		}
		before := k.Revision
		changes.Revision++
		k.Revision = changes.Revision
		if err := change(s, &k); errors.Is(err, errStop) {
			k.Revision = before
			return nil
		} else if err != nil {
			return err
		}
		return setKeyChanges(ctx, s, changes)
	})
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// lockKeys makes the transaction the only one that changes keys, so that revisions are committed in their order.
func lockKeys(ctx context.Context, s *session) (c KeyChanges, err error) {
	err = s.one(ctx, query{name: "lock_key_changes"}, &c.Revision, &c.Imported)
	return c, err
}

func setKeyChanges(ctx context.Context, s *session, c KeyChanges) error {
	_, err := s.exec(ctx, query{name: "set_key_changes", args: []any{c.Revision, number(c.Imported)}})
	return err
}

// oneKey returns the key whose column, an option of keys.sql, has a value.
func oneKey(ctx context.Context, s *session, column string, value any) (Key, error) {
	list, err := keys(ctx, s, option{column, []any{value}})
	if err != nil {
		return Key{}, err
	}
	if len(list) == 0 {
		return Key{}, ErrNotFound
	}
	return list[0], nil
}

func keys(ctx context.Context, s *session, o ...option) ([]Key, error) {
	var list []Key
	err := s.each(ctx, query{name: "keys", options: o}, func(rows *sql.Rows) error {
		k, err := scanKey(rows)
		list = append(list, k)
		return err
	})
	return list, err
}

func scanKey(rows *sql.Rows) (Key, error) {
	var k Key
	var hash []byte
	var roles, networks string
	err := rows.Scan(&k.ID, &hash, &k.Name, &roles, &k.MayDelegate, &networks, &k.Imported, (*int64)(&k.Created), &k.CreatedBy,
		(*int64)(&k.NotBefore), (*int64)(&k.Expires), (*int64)(&k.LastUsed), (*int64)(&k.Revoked), &k.RevokedBy, &k.Revision)
	if err != nil {
		return Key{}, err
	}
	if copy(k.Hash[:], hash) != len(k.Hash) {
		return Key{}, fmt.Errorf("the hash of API key %s has %d bytes", k.ID, len(hash))
	}
	if err := fromJSON(roles, &k.Roles); err != nil {
		return Key{}, err
	}
	return k, fromJSON(networks, &k.Networks)
}

// lists returns the columns with roles and networks.
func (k *Key) lists() (roles, networks string, err error) {
	if roles, err = toJSON(k.Roles); err != nil {
		return "", "", err
	}
	texts := make([]string, len(k.Networks))
	for i, n := range k.Networks {
		texts[i] = n.String()
	}
	networks, err = toJSON(texts)
	return roles, networks, err
}

// number returns b as the databases keep it.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// orNull returns the value of a time column that is null when the time is not set.
func orNull(t telemetry.Time) any {
	if t == 0 {
		return nil
	}
	return int64(t)
}
