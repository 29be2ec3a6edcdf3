package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/keyadmin"
	"github.com/micromegas-go/micromegas/objstore/s3"
	"github.com/micromegas-go/micromegas/objstore/uri"
)

// Run is the program p: it returns after ctx has ended and everything is stored, or with what went wrong.
func Run(ctx context.Context, p Program, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	c, err := Load(p, args, getenv, stdout)
	if errors.Is(err, ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	log := newLogger(stderr, c.Log)
	start(ctx, p, c, log)
	if p.Environ != nil {
		warnUnknown(ctx, p.Environ(), log)
	}
	hup, stop := hangUps()
	defer stop()
	if err := forget(p.Unsetenv); err != nil {
		return err
	}
	certificates, err := openTLS(ctx, c, log)
	if err != nil {
		return err
	}

	s, err := openStorage(ctx, c, getenv, log)
	if err != nil {
		return errors.Join(err, c.taken(ctx)) // whoever mends the one hears of the other too
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	keys := keyadmin.New(s.catalog, keyadmin.Options{Log: log.With("component", "keyadmin")})
	if err := haveKeys(ctx, c, keys); err != nil {
		return err
	}
	chain, reloader := openAuth(ctx, c, getenv, keys, log)
	defer func() { err = errors.Join(err, chain.Close()) }()
	living := &living{auth: reloader, tls: certificates, log: log, hup: hup}

	services, err := listen(ctx, p.Roles, &Base{
		Config: c, Version: p.Version, Catalog: s.catalog, Lake: s.lake, Auth: chain, Keys: keys, TLS: certificates, Log: log,
		Stores: uri.Options{S3: s3.OptionsFrom(getenv)},
	})
	defer func() { err = errors.Join(err, closeAll(services)) }()
	if err != nil {
		return err
	}
	warnPlaintext(ctx, c, log)

	err = serve(ctx, c, services, s, chain, living, log)
	log.InfoContext(ctx, "closing the stores")
	return err
}

// start says what begins, without secrets.
func start(ctx context.Context, p Program, c Config, log *slog.Logger) {
	log.InfoContext(ctx, "starting", "program", p.Name, "version", p.Version,
		"catalog", c.SQL, "objects", c.Objects, "data_dir", c.DataDir, "maintenance", c.Maintenance)
}

// forget removes what may be secret from the environment, once it has been read, so that child processes do not inherit
// it (B24). OIDC's configuration stays: it is read again when a file changes.
func forget(unsetenv func(string) error) error {
	if unsetenv == nil {
		return nil
	}
	for _, name := range []string{auth.EnvAPIKeys, EnvSQL} {
		if err := unsetenv(name); err != nil {
			return fmt.Errorf("unset %s: %w", name, err)
		}
	}
	return nil
}

// haveKeys refuses to start a server that nobody could use: nothing is configured, and no key is in the catalog (A3).
func haveKeys(ctx context.Context, c Config, keys *keyadmin.Keys) error {
	if c.noMethod == nil {
		return nil
	}
	n, err := keys.Live(ctx)
	if err != nil {
		return fmt.Errorf("look for API keys in the catalog: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("%w; or make a key in the catalog with the command micromegas keys", c.noMethod)
	}
	return nil
}

// openTLS reads the certificates; nil without TLS.
func openTLS(ctx context.Context, c Config, log *slog.Logger) (*Certificates, error) {
	certificates, err := openCertificates(c.TLS, log.With("component", "tls"))
	if certificates != nil && err == nil {
		certificates.describe(ctx, "tls files loaded")
	}
	return certificates, err
}

// openAuth returns the chain that all servers of the program ask, and what keeps it in step with its configuration; that
// is nil when there is nothing to follow.
func openAuth(ctx context.Context, c Config, getenv func(string) string, keys *keyadmin.Keys, log *slog.Logger) (*auth.Chain, *authenv.Reloader) {
	log = log.With("component", "auth")
	if c.DisableAuth {
		var open []string
		for _, addr := range []string{c.HTTP, c.GRPC} {
			if addr != "" {
				open = append(open, addr)
			}
		}
		return auth.Disabled(log, open...), nil
	}
	auth.LogStart(ctx, log, c.Auth, c.authWarnings)
	// Keys of the catalog are always asked, so that the first one that is made works without a restart.
	o := authenv.Options{Log: log, Extra: []auth.Provider{storedkey.New(keys, storedkey.Options{Log: log})}}
	chain := authenv.New(c.Auth, o)
	return chain, authenv.NewReloader(chain, c.variables(getenv), o)
}

// listen makes the servers and opens their ports. The caller closes what it returns, also after an error.
func listen(ctx context.Context, roles []Role, b *Base) (services []Service, err error) {
	for _, role := range roles {
		s, err := role(ctx, b)
		if err != nil {
			return services, err
		}
		services = append(services, s)
	}
	var errs []error
	for _, s := range services {
		errs = append(errs, s.Listen(ctx))
	}
	return services, errors.Join(errs...)
}

func closeAll(services []Service) error {
	var errs []error
	for _, s := range slices.Backward(services) {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// serve runs everything until ctx ends or one part fails, which ends the others too.
func serve(ctx context.Context, c Config, services []Service, s *storage, chain *auth.Chain, living *living, log *slog.Logger) error {
	g, running := errgroup.WithContext(ctx)
	for _, service := range services {
		g.Go(func() error { return service.Serve(running) })
	}
	if c.Maintenance {
		g.Go(func() error { return s.lake.Run(running) })
	}
	g.Go(func() error { return chain.Run(running) })
	g.Go(func() error { return living.run(running) })
	g.Go(func() error {
		<-running.Done()
		if ctx.Err() != nil {
			log.InfoContext(ctx, "stopping: no new work is taken, what is under way goes on", "grace_seconds", c.Grace.Seconds())
		} else {
			log.ErrorContext(ctx, "stopping because a part has failed")
		}
		return nil
	})
	err := g.Wait()
	switch {
	case errors.Is(err, ErrGraceElapsed):
		log.WarnContext(ctx, "grace period elapsed with work still in flight", "grace_seconds", c.Grace.Seconds())
		return nil
	case err != nil:
		return err
	}
	log.InfoContext(ctx, "drain completed")
	return nil
}
