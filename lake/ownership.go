package lake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore"
)

// ownerKey is the object that says which catalog the objects belong to.
const ownerKey = "lake-owner"

// ErrForeign is the error of [Own].
var ErrForeign = errors.New("the objects there belong to another lake")

// Own notes in the object store that it belongs to the catalog, once, or fails with [ErrForeign] when it belongs to another
// one. Maintenance deletes objects that its catalog does not mention, so a second lake in the same place would lose
// everything; so would one whose catalog was lost and made anew. A store without the note is taken, unless it holds objects of
// ours, or of another Micromegas's, and nothing is in the catalog.
func Own(ctx context.Context, db *catalog.DB, objects objstore.Bucket) error {
	made, err := db.Made(ctx)
	if err != nil {
		return err
	}
	id := strconv.FormatInt(int64(made), 10)
	owner, err := objects.Get(ctx, ownerKey)
	if errors.Is(err, objstore.ErrNotFound) {
		if err := vacant(ctx, db, objects); err != nil {
			return err
		}
		switch err := objects.Put(ctx, ownerKey, []byte(id+"\n")); {
		case err == nil:
			return nil
		case !errors.Is(err, objstore.ErrExists):
			return err
		}
		owner, err = objects.Get(ctx, ownerKey) // another server was faster
	}
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(string(owner)) != id:
		return fmt.Errorf("%w (object %s)", ErrForeign, ownerKey)
	}
	return nil
}

// vacant fails when there are objects and the catalog is empty.
func vacant(ctx context.Context, db *catalog.DB, objects objstore.Bucket) error {
	var counts catalog.Counts
	if err := db.Read(ctx, func(r *catalog.Reader) (err error) {
		counts, err = r.Counts(ctx)
		return err
	}); err != nil {
		return err
	}
	if counts.Processes+counts.Streams+counts.Blocks+counts.Retired > 0 {
		return nil
	}
	for _, prefix := range []string{segmentPrefix, viewPrefix} {
		for info, err := range objects.List(ctx, prefix) {
			if err != nil {
				return err
			}
			return fmt.Errorf("%w: the catalog is empty, and there is %.100q", ErrForeign, info.Key)
		}
	}
	return nil
}
