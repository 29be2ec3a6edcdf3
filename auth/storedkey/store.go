package storedkey

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
)

// Hash is the SHA-256 of a key's text.
type Hash [sha256.Size]byte

// HashOf returns the hash of a key.
func HashOf(key auth.Secret) Hash { return sha256.Sum256([]byte(key)) }

// Key is what the database knows of a key. Times that are zero are not set.
type Key struct {
	ID          uuid.UUID
	Name        string
	Roles       auth.Role // none: the key is good for nothing
	MayDelegate bool
	Networks    []netip.Prefix // none means anywhere
	NotBefore   time.Time
	Expires     time.Time
	Revoked     time.Time
}

// Changes says how far the keys have changed.
type Changes struct {
	Revision int64       // of the last change
	Keys     []uuid.UUID // that changed after the revision asked about; all of them need not be known here
	Imported bool        // a text of any form may be a key
}

// ErrNotFound says that there is no such key.
var ErrNotFound = errors.New("no such stored API key")

// Store is where keys are kept.
type Store interface {
	// KeyByHash returns the key whose text has a hash, revoked or not, or [ErrNotFound]; and in both cases the revision
	// of the last change in the snapshot that it looked at. Any other error means that it could not look.
	KeyByHash(ctx context.Context, hash Hash) (k Key, revision int64, err error)

	// KeysChangedSince returns what changed after a revision; of a negative one no keys, only where things stand.
	// Revisions never decrease, unless the database was replaced by an older copy.
	KeysChangedSince(ctx context.Context, revision int64) (Changes, error)

	// KeysEnding returns the keys that are not revoked and expire in [from, to).
	KeysEnding(ctx context.Context, from, to time.Time) ([]Key, error)

	// TouchKeys records when keys were last used.
	TouchKeys(ctx context.Context, used map[uuid.UUID]time.Time) error
}
