package catalog

import "context"

// Keys returns API keys, newest first.
func (r *Reader) Keys(ctx context.Context, f KeyFilter) ([]Key, error) {
	var o []option
	if f.Name != "" {
		o = append(o, option{"name", []any{clean(f.Name)}})
	}
	if f.Role != "" {
		o = append(o, option{"role", []any{`%"` + clean(f.Role) + `"%`}})
	}
	if f.Live {
		o = append(o, option{"live", nil})
	}
	if f.EndsBy != 0 {
		o = append(o, option{"ends", []any{int64(f.EndsBy)}})
	}
	if f.Limit > 0 {
		o = append(o, option{"limit", []any{f.Limit, max(0, f.Offset)}})
	}
	return keys(ctx, r.s, o...)
}

// Key returns an API key; ErrNotFound when there is none.
func (r *Reader) Key(ctx context.Context, key KeyID) (Key, error) {
	return oneKey(ctx, r.s, "id", id(key))
}

// KeyByHash returns the API key whose text has a hash, revoked or not; ErrNotFound when there is none.
func (r *Reader) KeyByHash(ctx context.Context, hash KeyHash) (Key, error) {
	return oneKey(ctx, r.s, "hash", hash[:])
}

// KeyChanges tells how far the keys have changed. It reads one row: cheap enough for every few seconds.
func (r *Reader) KeyChanges(ctx context.Context) (c KeyChanges, err error) {
	err = r.s.one(ctx, query{name: "key_changes"}, &c.Revision, &c.Imported)
	return c, err
}

// KeysChangedSince returns the keys that were created, changed or revoked after a revision.
func (r *Reader) KeysChangedSince(ctx context.Context, revision int64) ([]Key, error) {
	return keys(ctx, r.s, option{"since", []any{revision}})
}

// LiveKeys counts the keys that are not revoked and have not expired.
func (r *Reader) LiveKeys(ctx context.Context) (n int64, err error) {
	err = r.s.one(ctx, query{name: "live_keys", args: []any{int64(r.s.db.timeNow())}}, &n)
	return n, err
}
