package keyadmin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

const (
	// maxName is the longest name, in bytes.
	maxName = 255
	// lastYear is the last that nanoseconds since 1970 in 64 bits hold as a whole.
	lastYear = 2261
)

// Keys are the API keys of a catalog.
type Keys struct {
	db  *catalog.DB
	now func() time.Time
	log *slog.Logger
}

// Options of [New]. The zero value works.
type Options struct {
	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // for the audit; nil discards
}

// New returns the keys of db.
func New(db *catalog.DB, o Options) *Keys {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Keys{db: db, now: o.Now, log: o.Log}
}

// Spec says what a key is to be.
type Spec struct {
	Name        string
	Roles       auth.Role
	MayDelegate bool
	Networks    []netip.Prefix // none means anywhere
	NotBefore   time.Time      // zero means at once
	Expires     time.Time      // zero means never
}

// Mint makes a key and returns it with its text, which nobody can find out later. by is who asks.
func (k *Keys) Mint(ctx context.Context, s Spec, by string) (catalog.Key, auth.Secret, error) {
	text := storedkey.Mint()
	key, _, err := k.create(ctx, s, storedkey.HashOf(text), false, by)
	if err != nil {
		return catalog.Key{}, "", err
	}
	k.audit(ctx, "API key created", key, by)
	return key, text, nil
}

// Import records a key that was made elsewhere. If it is known already, also when it is revoked, that one is returned as
// it is, and imported is false.
func (k *Keys) Import(ctx context.Context, s Spec, text auth.Secret, by string) (_ catalog.Key, imported bool, err error) {
	foreign, err := storedkey.Importable(text)
	if err != nil {
		return catalog.Key{}, false, fault.New(fault.Invalid, "key: "+err.Error())
	}
	return k.importHash(ctx, s, storedkey.HashOf(text), foreign, by)
}

// ImportHash is [Keys.Import] for a key of which only the hash is known.
func (k *Keys) ImportHash(ctx context.Context, s Spec, hash storedkey.Hash, by string) (_ catalog.Key, imported bool, err error) {
	return k.importHash(ctx, s, hash, true, by) // it may have any form
}

func (k *Keys) importHash(ctx context.Context, s Spec, hash storedkey.Hash, foreign bool, by string) (catalog.Key, bool, error) {
	key, created, err := k.create(ctx, s, hash, foreign, by)
	if err == nil && created {
		k.audit(ctx, "API key imported", key, by)
	}
	return key, created, err
}

func (k *Keys) create(ctx context.Context, s Spec, hash storedkey.Hash, foreign bool, by string) (catalog.Key, bool, error) {
	if err := k.check(s); err != nil {
		return catalog.Key{}, false, err
	}
	key, created, err := k.db.CreateKey(ctx, catalog.Key{
		Hash: catalog.KeyHash(hash), Name: s.Name, Roles: roleNames(s.Roles), MayDelegate: s.MayDelegate, Networks: s.Networks,
		Imported: foreign, CreatedBy: by, NotBefore: timeOf(s.NotBefore), Expires: timeOf(s.Expires),
	})
	if err != nil {
		return catalog.Key{}, false, classify(err)
	}
	return key, created, nil
}

func (k *Keys) check(s Spec) error {
	switch {
	case strings.TrimSpace(s.Name) == "":
		return fault.New(fault.Invalid, "name: must not be empty")
	case len(s.Name) > maxName:
		return fault.New(fault.Invalid, fmt.Sprintf("name: must have at most %d bytes, not %d", maxName, len(s.Name)))
	case !utf8.ValidString(s.Name) || auth.Printable(s.Name) != s.Name:
		return fault.New(fault.Invalid, "name: must not have control or formatting characters")
	case s.Roles == 0:
		return fault.New(fault.Invalid, "roles: a key needs at least one")
	case max(s.Expires.Year(), s.NotBefore.Year()) > lastYear:
		return fault.New(fault.Invalid, fmt.Sprintf("expires_at, not_before: must be before the end of the year %d", lastYear))
	case !s.Expires.IsZero() && !s.Expires.After(k.now()):
		return fault.New(fault.Invalid, "expires_at: has passed already")
	case !s.Expires.IsZero() && !s.NotBefore.Before(s.Expires):
		return fault.New(fault.Invalid, "expires_at: is not after not_before: the key would never be accepted")
	}
	return nil
}

// List returns keys, newest first.
func (k *Keys) List(ctx context.Context, f catalog.KeyFilter) (list []catalog.Key, err error) {
	err = k.db.Read(ctx, func(r *catalog.Reader) (err error) { list, err = r.Keys(ctx, f); return err })
	return list, classify(err)
}

// Key returns a key; a fault.NotFound when there is none.
func (k *Keys) Key(ctx context.Context, id catalog.KeyID) (key catalog.Key, err error) {
	err = k.db.Read(ctx, func(r *catalog.Reader) (err error) { key, err = r.Key(ctx, id); return err })
	return key, classify(err)
}

// Live counts the keys that are not revoked and have not expired.
func (k *Keys) Live(ctx context.Context) (n int64, err error) {
	err = k.db.Read(ctx, func(r *catalog.Reader) (err error) { n, err = r.LiveKeys(ctx); return err })
	return n, classify(err)
}

// Revoke revokes a key for ever. Replicas refuse it within [storedkey.ChangesWithin]. One that is revoked already stays
// as it is.
func (k *Keys) Revoke(ctx context.Context, id catalog.KeyID, by string) (catalog.Key, error) {
	key, err := k.db.RevokeKey(ctx, id, by)
	if err != nil {
		return catalog.Key{}, classify(err)
	}
	k.audit(ctx, "API key revoked", key, by)
	return key, nil
}

// Restrict says from where a key may come; none means anywhere.
func (k *Keys) Restrict(ctx context.Context, id catalog.KeyID, networks []netip.Prefix, by string) (catalog.Key, error) {
	key, err := k.db.ChangeKey(ctx, id, func(c *catalog.Key) { c.Networks = networks })
	if err != nil {
		return catalog.Key{}, classify(err)
	}
	k.audit(ctx, "API key restricted to networks", key, by)
	return key, nil
}

// Rotate makes another key like the one given, which stays accepted: for ever, or for overlap unless that is 0. A key
// with an end gets a successor that lives as long, counted from now (B29).
func (k *Keys) Rotate(ctx context.Context, id catalog.KeyID, overlap time.Duration, by string) (old, successor catalog.Key, text auth.Secret, err error) {
	if old, err = k.Key(ctx, id); err != nil {
		return old, successor, "", err
	}
	if old.Revoked != 0 {
		return old, successor, "", fault.New(fault.Invalid, "the key is revoked: a successor would bring it back; create another one")
	}
	s := Spec{Name: old.Name, Roles: rolesOf(old), MayDelegate: old.MayDelegate, Networks: old.Networks}
	if old.Expires != 0 {
		s.Expires = k.now().Add(old.Expires.Std().Sub(max(old.Created, old.NotBefore).Std()))
	}
	if successor, text, err = k.Mint(ctx, s, by); err != nil || overlap == 0 {
		return old, successor, text, err
	}
	end := telemetry.TimeOf(k.now().Add(overlap))
	changed, err := k.db.ChangeKey(ctx, id, func(c *catalog.Key) {
		if c.Expires == 0 || c.Expires > end {
			c.Expires = end
		}
	})
	if err != nil {
		// The successor exists and its text is about to be lost, unless the caller gets both.
		return old, successor, text, classify(err)
	}
	k.audit(ctx, "API key ends after its rotation", changed, by)
	return changed, successor, text, nil
}

func (k *Keys) audit(ctx context.Context, msg string, key catalog.Key, by string) {
	attrs := []slog.Attr{
		slog.String("key_id", key.ID.String()), slog.String("key_name", auth.Printable(key.Name)),
		slog.Any("roles", key.Roles), slog.String("by", auth.Printable(by)),
	}
	if key.MayDelegate {
		attrs = append(attrs, slog.Bool("may_delegate", true))
	}
	if len(key.Networks) > 0 {
		attrs = append(attrs, slog.Any("allowed_cidrs", key.Networks))
	}
	if key.Expires != 0 {
		attrs = append(attrs, slog.Time("expires_at", key.Expires.Std()))
	}
	if addr := auth.ClientAddr(ctx); addr.IsValid() {
		attrs = append(attrs, slog.String("client_addr", addr.String()))
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, msg, attrs...) //nolint:sloglint // msg is one of the constants above
}

// classify turns an error of the catalog into one that may be shown.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, catalog.ErrNotFound):
		return fault.Wrap(fault.NotFound, "there is no such key", err)
	case errors.Is(err, catalog.ErrUnavailable):
		return &fault.Error{Kind: fault.Unavailable, Msg: "the catalog is out of reach", Fix: "try again", Err: err, RetryAfter: time.Second}
	}
	return err
}

// roleNames are roles as the catalog keeps them.
func roleNames(r auth.Role) []string {
	var names []string
	for _, name := range auth.RoleNames() {
		if role, ok := auth.ParseRole(name); ok && r&role != 0 {
			names = append(names, name)
		}
	}
	return names
}

// rolesOf are the roles of a key that this program knows.
func rolesOf(k catalog.Key) (r auth.Role) {
	for _, name := range k.Roles {
		if role, ok := auth.ParseRole(name); ok {
			r |= role
		}
	}
	return r
}

func timeOf(t time.Time) telemetry.Time {
	if t.IsZero() {
		return 0
	}
	return telemetry.TimeOf(t)
}

// std is the opposite of timeOf.
func std(t telemetry.Time) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return t.Std()
}
