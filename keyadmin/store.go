package keyadmin

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

var _ storedkey.Store = (*Keys)(nil)

// KeyByHash implements [storedkey.Store].
func (k *Keys) KeyByHash(ctx context.Context, hash storedkey.Hash) (key storedkey.Key, revision int64, err error) {
	err = k.db.Read(ctx, func(r *catalog.Reader) error {
		changes, err := r.KeyChanges(ctx)
		if err != nil {
			return err
		}
		revision = changes.Revision
		found, err := r.KeyByHash(ctx, catalog.KeyHash(hash))
		if err != nil {
			return err
		}
		key = stored(found)
		return nil
	})
	if errors.Is(err, catalog.ErrNotFound) {
		err = storedkey.ErrNotFound
	}
	return key, revision, err
}

// KeysChangedSince implements [storedkey.Store].
func (k *Keys) KeysChangedSince(ctx context.Context, revision int64) (c storedkey.Changes, err error) {
	err = k.db.Read(ctx, func(r *catalog.Reader) error {
		c = storedkey.Changes{}
		now, err := r.KeyChanges(ctx)
		if err != nil {
			return err
		}
		c.Revision, c.Imported = now.Revision, now.Imported
		if revision < 0 || revision >= now.Revision {
			return nil
		}
		list, err := r.KeysChangedSince(ctx, revision)
		for i := range list {
			c.Keys = append(c.Keys, list[i].ID)
		}
		return err
	})
	return c, err
}

// KeysEnding implements [storedkey.Store].
func (k *Keys) KeysEnding(ctx context.Context, from, to time.Time) ([]storedkey.Key, error) {
	list, err := k.List(ctx, catalog.KeyFilter{Live: true, EndsBy: telemetry.TimeOf(to) - 1})
	var ending []storedkey.Key
	for i := range list {
		if list[i].Expires >= telemetry.TimeOf(from) {
			ending = append(ending, stored(list[i]))
		}
	}
	return ending, err
}

// TouchKeys implements [storedkey.Store].
func (k *Keys) TouchKeys(ctx context.Context, used map[uuid.UUID]time.Time) error {
	times := make(map[catalog.KeyID]telemetry.Time, len(used))
	for id, t := range used {
		times[id] = telemetry.TimeOf(t)
	}
	return k.db.TouchKeys(ctx, times)
}

// stored is a key as package storedkey sees it. Roles that this program does not know give nothing.
func stored(k catalog.Key) storedkey.Key {
	return storedkey.Key{
		ID: k.ID, Name: k.Name, Roles: rolesOf(k), MayDelegate: k.MayDelegate, Networks: k.Networks,
		NotBefore: std(k.NotBefore), Expires: std(k.Expires), Revoked: std(k.Revoked),
	}
}
