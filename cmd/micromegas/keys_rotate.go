package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/keyadmin"
)

var keysRotate = keysCommand{
	name: "rotate", args: "<id or name>", summary: "make a successor of a key; the old one stays accepted meanwhile",
	setup: func(f *keysFlags) {
		f.StringVar(&f.overlap, "overlap", "", "for how long the old one stays accepted, a `span` such as 7d (default until it is revoked)")
	},
	run: func(ctx context.Context, r *keysRun) error {
		if len(r.args) != 1 {
			return usageError{errors.New("give the id of one key, or its name")}
		}
		var overlap time.Duration
		if r.overlap != "" {
			var err error
			if overlap, err = spanFrom(r.overlap); err != nil {
				return fmt.Errorf("--overlap: %w", err)
			}
		}
		k, err := r.find(ctx, r.args[0])
		if err != nil {
			return err
		}
		old, successor, text, err := r.keys.Rotate(ctx, k.ID, overlap, r.by())
		if text == "" {
			return err
		}
		if r.json {
			made := keyadmin.View(successor)
			made.Key = string(text)
			return errors.Join(r.print(map[string]keyadmin.Record{"key": made, "replaces": keyadmin.View(old)}), err)
		}
		r.describe("old", old)
		if overlap == 0 {
			fmt.Fprintf(r.stderr, "It stays accepted. When micromegas keys list shows no use of it any more: micromegas keys revoke %s\n", old.ID)
		}
		return errors.Join(r.showNew(successor, text), err)
	},
}
