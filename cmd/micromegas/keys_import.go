package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/keyadmin"
)

var keysImport = keysCommand{
	name: "import", args: "<name>", summary: "record a key that was made elsewhere, read from stdin, or those of " + auth.EnvAPIKeys,
	setup: func(f *keysFlags) {
		specFlags(f)
		f.StringVar(&f.file, "file", "", "`path` of a file with the key, instead of stdin")
		f.BoolVar(&f.fromEnv, "from-env", false, "record all keys of "+auth.EnvAPIKeys+" (or "+auth.EnvFile(auth.EnvAPIKeys)+
			") as they are there; the other flags and the name do not apply")
	},
	run: func(ctx context.Context, r *keysRun) error {
		if r.fromEnv {
			return importFromEnv(ctx, r)
		}
		spec, err := r.spec(time.Now())
		if err != nil {
			return err
		}
		text, err := r.readKey()
		if err != nil {
			return err
		}
		if err := r.open(ctx, true); err != nil {
			return err
		}
		k, imported, err := r.keys.Import(ctx, spec, text, r.by())
		if err != nil {
			return err
		}
		return r.showImported([]catalog.Key{k}, []bool{imported})
	},
}

// importFromEnv records the keys of a server's configuration, so that it can do without.
func importFromEnv(ctx context.Context, r *keysRun) error {
	if len(r.args) > 0 {
		return errors.New("--from-env takes the names of " + auth.EnvAPIKeys)
	}
	cfg, warnings, err := auth.LoadConfig(func(name string) string {
		switch name {
		case auth.EnvAPIKeys, auth.EnvFile(auth.EnvAPIKeys), auth.EnvAllowKeyAdmin:
			return r.getenv(name)
		}
		return ""
	})
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(r.stderr, "warning:", w)
	}
	if err := r.open(ctx, true); err != nil {
		return err
	}
	var list []catalog.Key
	var news []bool
	for _, e := range cfg.APIKeys {
		spec := keyadmin.Spec{
			Name: e.Name, Roles: e.Roles, MayDelegate: e.MayDelegate, Networks: e.Networks, NotBefore: e.NotBefore, Expires: e.ExpiresAt,
		}
		if spec.Roles == 0 {
			spec.Roles = auth.RoleDefault
		}
		if e.Admin {
			spec.Roles |= auth.RoleAdmin
		}
		k, imported, err := importEntry(ctx, r, spec, e)
		if err != nil {
			return errors.Join(r.showImported(list, news), fmt.Errorf("key %q: %w", auth.Printable(e.Name), err))
		}
		list, news = append(list, k), append(news, imported)
	}
	return r.showImported(list, news)
}

func importEntry(ctx context.Context, r *keysRun, spec keyadmin.Spec, e auth.APIKey) (catalog.Key, bool, error) {
	if e.Hash == "" {
		return r.keys.Import(ctx, spec, e.Key, r.by())
	}
	var hash storedkey.Hash
	if n, err := hex.Decode(hash[:], []byte(e.Hash)); err != nil || n != len(hash) {
		return catalog.Key{}, false, errors.New("its sha256 is not 64 hexadecimal digits")
	}
	return r.keys.ImportHash(ctx, spec, hash, r.by())
}

func (r *keysRun) showImported(list []catalog.Key, news []bool) error {
	if r.json {
		records := make([]keyadmin.Record, 0, len(list))
		for i := range list {
			record := keyadmin.View(list[i])
			record.Imported = &news[i]
			records = append(records, record)
		}
		return r.print(records)
	}
	for i, k := range list {
		what := "imported"
		switch {
		case !news[i] && k.Revoked != 0:
			what = "left REVOKED"
		case !news[i]:
			what = "left as it was"
		}
		if _, err := fmt.Fprintf(r.stdout, "%s: key %s %q\n", what, k.ID, auth.Printable(k.Name)); err != nil {
			return err
		}
	}
	return nil
}
