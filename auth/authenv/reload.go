package authenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/apikey"
	"github.com/micromegas-go/micromegas/auth/oidc"
)

// defaultPoll is how often the files are looked at: a change is in effect well within 5 s (B28).
const defaultPoll = 2 * time.Second

// Reloader keeps a chain in step with the files of its configuration (B34): MICROMEGAS_OIDC_CONFIG_FILE and its like, and
// the files that they name. What is in a variable itself does not change while a process runs.
//
// A configuration is read and checked in whole before anything changes, and then takes effect at once; one with a mistake
// changes nothing. Issuers that stay as they were keep their key sets and validated tokens; see [oidc.Provider.Reconfigure].
//
// The files are read and compared by their contents, so it does not matter how they are replaced: in place, by renaming, or
// by the symbolic links of Kubernetes.
type Reloader struct {
	chain  *auth.Chain
	getenv func(string) string
	o      Options
	// keysGiven says that the keys came from the variable, which may be gone from the environment (B24): they stay.
	keysGiven bool

	mu      sync.Mutex
	files   []string
	active  digest // of the files in use; zero before the first look
	refused digest // of the files that were last found wrong, so that the same mistake is not logged every 2 s
	stats   auth.ReloadStats
}

type digest [sha256.Size]byte

// NewReloader returns a reloader for a chain that [New] or [Open] made with the same getenv and options.
func NewReloader(chain *auth.Chain, getenv func(string) string, o Options) *Reloader {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Reloader{chain: chain, getenv: getenv, o: o}
	keys, _ := find(chain.Setup())
	r.keysGiven = keys != nil && blank(getenv(auth.EnvFile(auth.EnvAPIKeys)))
	for _, name := range []string{auth.EnvAPIKeys, auth.EnvOIDCConfig, auth.EnvAdmins} {
		if path := strings.TrimSpace(getenv(auth.EnvFile(name))); path != "" {
			r.files = append(r.files, path)
		}
	}
	return r
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// Run looks at the files every 2 s ([Options.Poll]) and follows their changes, until ctx ends.
func (r *Reloader) Run(ctx context.Context) error {
	ticks := r.o.Tick
	if ticks == nil {
		every := r.o.Poll
		if every <= 0 {
			every = defaultPoll
		}
		t := time.NewTicker(every)
		defer t.Stop()
		ticks = t.C
	}
	for {
		_ = r.follow(ctx, false) // logged
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
	}
}

// Reload reads the configuration now, whether or not a file has changed: for SIGHUP. The error names every mistake; the
// configuration in use is then the old one.
func (r *Reloader) Reload(ctx context.Context) error { return r.follow(ctx, true) }

func (r *Reloader) follow(ctx context.Context, always bool) error {
	if r.chain.Disabled() {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.contents()
	if !always && (now == r.active || now == r.refused || len(r.files) == 0) {
		return nil
	}
	cfg, warnings, err := auth.LoadConfig(r.variable)
	if errors.Is(err, auth.ErrNoMethod) && (r.keysGiven || len(r.o.Extra) > 0) {
		err = nil
	}
	if err != nil {
		r.refused = now
		r.stats.Errors++
		r.chain.SetReload(r.stats)
		r.o.Log.ErrorContext(ctx, "auth configuration NOT reloaded: it has mistakes, the old one stays in use", "err", err)
		return fmt.Errorf("reload the configuration of authentication: %w", err)
	}
	first := r.active == digest{}
	r.swap(cfg)
	for _, path := range cfg.Files {
		if !slices.Contains(r.files, path) {
			r.files = append(r.files, path)
		}
	}
	// With files that are new in the list the next look finds another digest and reads once more, which changes nothing.
	r.active, r.refused = now, digest{}
	r.stats.Hash, r.stats.Since = hex.EncodeToString(now[:6]), r.o.Now()
	r.chain.SetReload(r.stats)
	if !first || always {
		auth.LogStart(ctx, r.o.Log, cfg, warnings)
		r.o.Log.InfoContext(ctx, "auth configuration reloaded", "hash", r.stats.Hash)
	}
	return nil
}

// variable hides from the configuration what was read once and for all.
func (r *Reloader) variable(name string) string {
	if r.keysGiven && (name == auth.EnvAPIKeys || name == auth.EnvAllowKeyAdmin) {
		return ""
	}
	return r.getenv(name)
}

// swap puts cfg into use, all of it at once, and closes what it replaces.
func (r *Reloader) swap(cfg auth.Config) {
	keys, tokens := find(r.chain.Setup())
	if !r.keysGiven {
		keys = nil
		if len(cfg.APIKeys) > 0 {
			keys = newKeys(cfg, r.o)
		}
	}
	old := tokens
	switch {
	case len(cfg.OIDC.Issuers) == 0:
		tokens = nil
	case old != nil:
		tokens = old.Reconfigure(cfg.OIDC)
	default:
		tokens = oidc.New(cfg.OIDC, oidc.Options{Now: r.o.Now, Log: r.o.Log})
	}
	r.chain.Swap(setup(cfg, r.o, keys, tokens))
	if old != nil {
		_ = old.Close() // what the new one shares with it stays open
	}
}

// find returns the configured providers of a chain, nil where there is none.
func find(s auth.Setup) (keys *apikey.Provider, tokens *oidc.Provider) {
	for _, p := range s.Providers {
		switch p := p.(type) {
		case *apikey.Provider:
			keys = p
		case *oidc.Provider:
			tokens = p
		}
	}
	return keys, tokens
}

// contents returns a digest of the files; of one that can't be read, of why.
func (r *Reloader) contents() (sum digest) {
	h := sha256.New()
	for _, path := range r.files {
		data, err := auth.ReadConfigFile(path)
		if err != nil {
			_, _ = fmt.Fprintf(h, "%q: %v\n", path, err) // a hash never fails
			continue
		}
		_, _ = fmt.Fprintf(h, "%q: %d\n", path, len(data))
		_, _ = h.Write(data)
	}
	_, _ = io.WriteString(h, "end") // not the digest of nothing
	h.Sum(sum[:0])
	return sum
}
