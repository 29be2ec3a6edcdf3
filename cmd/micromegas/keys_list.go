package main

import (
	"context"
	"errors"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/keyadmin"
)

var keysList = keysCommand{
	name: "list", args: "", summary: "list the keys, newest first",
	setup: func(f *keysFlags) { f.BoolVar(&f.all, "all", false, "with those that are revoked") },
	run: func(ctx context.Context, r *keysRun) error {
		if len(r.args) > 0 {
			return usageError{errors.New("takes no arguments")}
		}
		if err := r.open(ctx, false); err != nil {
			return err
		}
		list, err := r.keys.List(ctx, catalog.KeyFilter{Live: !r.all})
		if err != nil {
			return err
		}
		if r.json {
			records := make([]keyadmin.Record, 0, len(list))
			for i := range list {
				records = append(records, keyadmin.View(list[i]))
			}
			return r.print(records)
		}
		table(r.stdout, list, time.Now())
		return nil
	},
}
