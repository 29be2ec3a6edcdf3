package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/keyadmin"
)

var keysRevoke = keysCommand{
	name: "revoke", args: "<id or name>", summary: "refuse a key for ever, in every server within 5 seconds",
	setup: func(f *keysFlags) {
		f.BoolVar(&f.wait, "wait", false, "return when every server that reaches the catalog refuses it")
	},
	run: func(ctx context.Context, r *keysRun) error {
		if len(r.args) != 1 {
			return usageError{errors.New("give the id of one key, or its name")}
		}
		k, err := r.find(ctx, r.args[0])
		if err != nil {
			return err
		}
		if k, err = r.keys.Revoke(ctx, k.ID, r.by()); err != nil {
			return err
		}
		if r.wait {
			if err := settle(ctx); err != nil {
				return err
			}
		}
		if r.json {
			return r.print(keyadmin.View(k))
		}
		_, err = fmt.Fprintf(r.stdout, "revoked key %s %q at %s\n", k.ID, auth.Printable(k.Name), moment(k.Revoked.Std()))
		return err
	},
}
