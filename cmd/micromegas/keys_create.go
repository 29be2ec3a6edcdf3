package main

import (
	"context"
	"time"
)

var keysCreate = keysCommand{
	name: "create", args: "<name>", summary: "make a key; its text is printed once, on stdout, and kept nowhere",
	setup: specFlags,
	run: func(ctx context.Context, r *keysRun) error {
		spec, err := r.spec(time.Now())
		if err != nil {
			return err
		}
		if err := r.open(ctx, true); err != nil {
			return err
		}
		k, text, err := r.keys.Mint(ctx, spec, r.by())
		if err != nil {
			return err
		}
		return r.showNew(k, text)
	},
}
