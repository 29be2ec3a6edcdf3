package diagnose

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/storedkey"
)

const (
	defaultTimeout = 10 * time.Second
	// soon is how long before the end of a key or certificate there is a warning.
	soon = 14 * 24 * time.Hour
)

// Store is where stored keys are: [storedkey.Store], and how many of them are good.
type Store interface {
	storedkey.Store
	Live(ctx context.Context) (int64, error)
}

// Options say what to look at.
type Options struct {
	Getenv      func(string) string // the variables of the servers
	DisableAuth bool                // as the servers' --disable-auth
	ClientCA    string              // the file of the servers' --tls-client-ca; may be empty

	Store    Store  // stored keys; nil when there are none
	StoreErr error  // why Store is nil although it should not be
	NoStore  string // why Store is nil and that is all right

	Offline bool          // ask nobody over the network
	Timeout time.Duration // for each issuer, and for each decision about the token; 0 means 10 s

	Token  auth.Secret // what to decide about; empty means nothing
	Client netip.Addr  // where it comes from, for keys that may come from some networks alone

	Now func() time.Time // nil means time.Now
}

// doctor is a run under way.
type doctor struct {
	Options
	cfg      auth.Config
	broken   bool // the configuration: servers would not start
	live     int64
	storeOff bool     // the keys cannot be looked up
	degraded []string // issuers whose keys the chain could not fetch
}

// Run looks at everything.
func Run(ctx context.Context, o Options) Report {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &doctor{Options: o}
	var r Report
	if o.DisableAuth {
		s := Section{Title: "configuration"}
		s.add(Warning, "off", "leave --disable-auth out as soon as others can reach the servers",
			"--disable-auth: the servers read no variable and accept everybody, with or without a credential, as an administrator")
		r.Sections = append(r.Sections, s)
	} else {
		stored := d.stored(ctx)
		r.Sections = append(r.Sections, d.configuration(), stored)
		r.Sections = append(r.Sections, d.issuers(ctx)...)
	}
	if o.Token != "" {
		r.Token = d.token(ctx)
	}
	r.count()
	return r
}

// stored looks at the keys in the catalog.
func (d *doctor) stored(ctx context.Context) Section {
	s := Section{Title: "stored keys"}
	switch {
	case d.StoreErr != nil:
		d.storeOff = true
		s.add(Problem, "catalog", "check that the database runs and that its address is that of the servers", "cannot be opened: %s", auth.Printable(d.StoreErr.Error()))
		return s
	case d.Store == nil:
		s.add(Skipped, "catalog", "", "%s", orElse(d.NoStore, "not looked at"))
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	live, err := d.Store.Live(ctx)
	if err != nil {
		d.storeOff = true
		s.add(Problem, "catalog", "check that the database runs and answers", "does not answer: %s", auth.Printable(err.Error()))
		return s
	}
	d.live = live
	s.add(OK, "catalog", "", "%s that may be used", plural(int(live), "key"))
	ending, err := d.Store.KeysEnding(ctx, d.Now(), d.Now().Add(soon))
	if err != nil {
		s.add(Problem, "expiry", "", "cannot be read: %s", auth.Printable(err.Error()))
	}
	for _, k := range ending {
		s.add(Warning, "expiry", "replace it in time: micromegas keys rotate "+k.ID.String(), "key %q ends %s", auth.Printable(k.Name), d.when(k.Expires))
	}
	return s
}

// configuration reads the variables as the servers do (A13, B34).
func (d *doctor) configuration() Section {
	s := Section{Title: "configuration"}
	cfg, warnings, err := auth.LoadConfig(d.Getenv)
	d.cfg = cfg
	certificates := d.clientCA(&s)
	switch {
	case err == nil:
	case !errors.Is(err, auth.ErrNoMethod):
		d.broken = true
		for _, e := range flatten(err) {
			place, what, _ := strings.Cut(e.Error(), ": ")
			s.add(Problem, "mistake", "", "%s: %s", place, what)
		}
		s.add(Note, "effect", "", "servers do not start with this configuration; one that runs keeps the one before")
	case d.live > 0, certificates:
		s.add(Note, "methods", "", "neither %s nor %s is set: stored keys and client certificates are all there is", auth.EnvAPIKeys, auth.EnvOIDCConfig)
	case d.storeOff || d.Store == nil && d.NoStore != "":
		s.add(Warning, "methods", "", "neither %s nor %s is set, and the stored keys were not looked at: without any, servers do not start", auth.EnvAPIKeys, auth.EnvOIDCConfig)
	default:
		d.broken = true
		s.add(Problem, "methods", "or make a key in the catalog: micromegas keys create", "%v", err)
	}
	for _, w := range warnings {
		s.add(Warning, "variables", "", "%s", w)
	}
	if d.broken {
		return s
	}
	d.summary(&s)
	d.clients(&s)
	return s
}

// clientCA looks at the file with the authorities of clients, and reports whether there are any.
func (d *doctor) clientCA(s *Section) bool {
	if d.ClientCA == "" {
		return false
	}
	pem, err := auth.ReadConfigFile(d.ClientCA)
	switch {
	case err != nil:
		s.add(Problem, "client CA", "", "cannot be read: %v", err)
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		s.add(Problem, "client CA", "", "%s holds no PEM certificate", auth.Printable(d.ClientCA))
	default:
		s.add(OK, "client CA", "", "certificates signed by those of %s are credentials", auth.Printable(d.ClientCA))
		return true
	}
	return false
}

func (d *doctor) summary(s *Section) {
	var names []string
	for _, k := range d.cfg.APIKeys {
		names = append(names, auth.Printable(k.Name))
		switch left := k.ExpiresAt.Sub(d.Now()); {
		case k.ExpiresAt.IsZero() || left > soon:
		case left <= 0:
			s.add(Warning, "expiry", "remove it from "+auth.EnvAPIKeys, "key %q ended %s and is refused", auth.Printable(k.Name), d.when(k.ExpiresAt))
		default:
			s.add(Warning, "expiry", "give its users another one in time", "key %q ends %s", auth.Printable(k.Name), d.when(k.ExpiresAt))
		}
	}
	if len(names) > 0 {
		s.add(OK, "keys", "", "%s: %s", plural(len(names), "key"), strings.Join(names, ", "))
	}
	if n := len(d.issuerNames()); n > 0 {
		s.add(OK, "issuers", "", "%s", plural(n, "issuer"))
	}
	switch n := len(d.cfg.Admins) + len(d.cfg.AdminRules); {
	case n > 0:
		s.add(OK, "administrators", "", "%s in %s", plural(n, "name"), auth.EnvAdmins)
	case !slices.ContainsFunc(d.cfg.APIKeys, func(k auth.APIKey) bool { return k.Admin }):
		s.add(Note, "administrators", "", "%s is not set and no configured key is an administrator: what needs one is closed to all others", auth.EnvAdmins)
	}
}

// clients looks at variables of the command-line tools, which often are in the same environment.
func (d *doctor) clients(s *Section) {
	const envIssuer, envClient, envKey = "MICROMEGAS_OIDC_ISSUER", "MICROMEGAS_OIDC_CLIENT_ID", "MICROMEGAS_INGESTION_API_KEYS"
	if d.Getenv(envKey) != "" {
		s.add(Warning, "variables", "servers read "+auth.EnvAPIKeys+"; programs that send telemetry read MICROMEGAS_INGESTION_API_KEY", "%s is set, and nothing reads it", envKey)
	}
	issuer, client := d.Getenv(envIssuer), d.Getenv(envClient)
	if issuer == "" || len(d.cfg.OIDC.Issuers) == 0 {
		return
	}
	entries := d.entries(issuer)
	switch {
	case len(entries) == 0:
		s.add(Warning, "clients", "write it exactly as in "+auth.EnvOIDCConfig+": "+d.nearest(issuer), "%s is %q, which is no configured issuer", envIssuer, auth.Printable(issuer))
	case client != "" && !slices.ContainsFunc(entries, func(e auth.Issuer) bool { return slices.Contains(e.Audiences, client) }):
		s.add(Warning, "clients", "add an entry with the client id as audience: the tools send ID tokens, whose audience it is",
			"%s is %q, which is no audience of this issuer", envClient, auth.Printable(client))
	}
}

// issuers asks each issuer, all at the same time.
func (d *doctor) issuers(ctx context.Context) []Section {
	names := d.issuerNames()
	sections := make([]Section, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { sections[i] = d.issuer(ctx, name) })
	}
	wg.Wait()
	return sections
}

// issuerNames lists the issuers in the order of the configuration.
func (d *doctor) issuerNames() []string {
	var names []string
	for _, e := range d.cfg.OIDC.Issuers {
		if !slices.Contains(names, e.Issuer) {
			names = append(names, e.Issuer)
		}
	}
	return names
}

func (d *doctor) entries(issuer string) []auth.Issuer { return entriesOf(d.cfg, issuer) }

func entriesOf(cfg auth.Config, issuer string) []auth.Issuer {
	var entries []auth.Issuer
	for _, e := range cfg.OIDC.Issuers {
		if e.Issuer == issuer {
			entries = append(entries, e)
		}
	}
	return entries
}

// nearest returns the configured issuer that differs least from name, or all of them.
func (d *doctor) nearest(name string) string {
	names := d.issuerNames()
	for _, n := range names {
		if sameButSpelling(n, name) {
			return n
		}
	}
	return strings.Join(names, ", ")
}

// sameButSpelling reports whether two issuers differ by case or by a slash at the end.
func sameButSpelling(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// when says when t is, and how far that is from now.
func (d *doctor) when(t time.Time) string {
	span := t.Sub(d.Now()).Round(time.Second)
	text := t.UTC().Format(time.RFC3339)
	if span < 0 {
		return fmt.Sprintf("%s, %v ago", text, short(-span))
	}
	return fmt.Sprintf("%s, in %v", text, short(span))
}

func short(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

// flatten lists joined errors.
func flatten(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range j.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
