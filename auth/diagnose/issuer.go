package diagnose

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/oidc"
)

// noticeableSkew is a difference of clocks that deserves a warning: the Date header counts whole seconds.
const noticeableSkew = 5 * time.Second

// issuer looks at one issuer, as its entries in the configuration describe it.
func (d *doctor) issuer(ctx context.Context, name string) Section {
	s := Section{Title: "issuer " + auth.Printable(name)}
	entries := d.entries(name)
	if d.Offline && entries[0].KeysFile == "" {
		s.add(Skipped, "network", "", "not asked (--offline)")
	} else {
		d.ask(ctx, &s, entries)
	}
	var audiences []string
	for _, e := range entries {
		audiences = append(audiences, e.Audiences...)
	}
	s.add(OK, "audiences", "", "%s", quoted(audiences))
	s.Checks = append(s.Checks, adviceOn(name, entries)...)
	return s
}

func (d *doctor) ask(ctx context.Context, s *Section, entries []auth.Issuer) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	t := &trace{now: d.Now}
	if d.Offline { // the keys are in a file; whatever else there is would be asked
		entries[0].Introspection = nil
	}
	found := oidc.Inspect(ctx, entries, d.cfg.OIDC, oidc.InspectOptions{Now: d.Now, Wrap: t.wrap})

	seen := map[string]bool{}
	for _, h := range t.hops {
		if !seen[h.url.Host] {
			seen[h.url.Host] = true
			d.network(s, h)
		}
	}
	d.discovery(s, entries[0], found, t)
	d.keys(s, entries[0], found, t)
	d.clock(s, t)
	d.introspection(s, found, t)
}

// network says how far a request got.
func (d *doctor) network(s *Section, h *hop) {
	h.mu.Lock()
	defer h.mu.Unlock()
	host := auth.Printable(h.url.Host)
	if h.proxy != "" {
		s.add(Note, "proxy", "", "%s is asked through %s", host, auth.Printable(h.proxy))
	}
	if h.dnsErr != nil {
		s.add(Problem, "dns", "check the spelling in "+auth.EnvOIDCConfig+", and the resolver of this machine or container", "%s does not resolve: %v", host, h.dnsErr)
		return
	}
	if len(h.addrs) > 0 {
		s.add(OK, "dns", "", "%s is %s", host, strings.Join(h.addrs, ", "))
	}
	if h.addr == "" {
		if h.err == nil {
			return // over a connection that was there
		}
		cause := h.dialErr
		if cause == nil {
			cause = h.err
		}
		s.add(Problem, "connect", "check that it runs, and that firewalls and egress rules of this machine let it through; "+
			"servers honour HTTPS_PROXY and NO_PROXY", "%s cannot be connected to: %v", host, cause)
		return
	}
	s.add(OK, "connect", "", "%s", h.addr)
	switch {
	case h.url.Scheme != "https":
		s.add(Note, "tls", "", "none: %s is asked over http", host)
	case h.tlsErr != nil:
		what, fix := d.explainTLS(h.tlsErr)
		s.add(Problem, "tls", fix, "%s", what)
	case h.tls != nil:
		d.certificate(s, h.tls)
	case h.err != nil:
		s.add(Problem, "tls", "", "no handshake: %v", h.err)
	}
}

func (d *doctor) certificate(s *Section, state *tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	status, fix := OK, ""
	if leaf.NotAfter.Sub(d.Now()) < soon {
		status, fix = Warning, "renew it: once it has expired, no token of this issuer is accepted"
	}
	s.add(status, "tls", fix, "%s; certificate for %s, until %s, issued by %s, chain of %d", tls.VersionName(state.Version),
		namesOf(leaf), d.when(leaf.NotAfter), auth.Printable(leaf.Issuer.String()), len(state.VerifiedChains[0]))
}

func namesOf(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no names at all"
	}
	const most = 6
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return auth.Printable(strings.Join(names, ", "))
}

// explainTLS says why a certificate is not accepted.
func (d *doctor) explainTLS(err error) (what, fix string) {
	var c *x509.Certificate
	if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(v.UnverifiedCertificates) > 0 {
		c = v.UnverifiedCertificates[0]
	}
	describe := func(text string) string {
		if c == nil {
			return text
		}
		return fmt.Sprintf("%s; it is for %s, from %s until %s, issued by %s", text, namesOf(c), c.NotBefore.UTC().Format(time.RFC3339),
			c.NotAfter.UTC().Format(time.RFC3339), auth.Printable(c.Issuer.String()))
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		if c != nil && d.Now().Before(c.NotBefore) {
			return describe("the certificate is not valid yet"), "check the clock of this machine"
		}
		return describe("the certificate has expired"), "renew it at the issuer; if it is valid elsewhere, check the clock of this machine"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return describe("the certificate is for another name"), "configure the issuer by the name that its certificate has, or have the name added to it"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if c != nil && c.Subject.String() == c.Issuer.String() {
			return describe("the certificate is self-signed"), `name a PEM file with it as "ca_file" of the issuer, or use one of a public authority`
		}
		return describe("the certificate's authority is unknown, or the issuer does not send the intermediate ones"),
			`name a PEM file with the authority as "ca_file" of the issuer; have the issuer send its whole chain`
	}
	return err.Error(), ""
}

// discovery says whether the issuer's document is usable (A43).
func (d *doctor) discovery(s *Section, entry auth.Issuer, found oidc.Inspection, t *trace) {
	switch {
	case entry.KeysFile != "":
		s.add(Note, "discovery", "", "not used: the keys are in %s", auth.Printable(entry.KeysFile))
		return
	case entry.KeysURL != "":
		s.add(Note, "discovery", "", "not used: jwks_uri is configured")
		return
	case found.Discovery == nil:
		s.add(OK, "discovery", "", "the document names this issuer, and keys at %s", auth.Printable(found.KeysURL))
		return
	}
	var h *hop
	if len(t.hops) > 0 {
		h = t.hops[0]
	}
	if h != nil && h.unreached() {
		s.add(Skipped, "discovery", "", "not reached")
		return
	}
	what, fix := d.explainFetch(found.Discovery, h)
	if h != nil && h.status == 200 {
		var doc struct {
			Issuer  string `json:"issuer"`
			KeysURL string `json:"jwks_uri"`
		}
		switch err := json.Unmarshal(h.body.Bytes(), &doc); {
		case err != nil:
		case doc.Issuer != entry.Issuer && doc.Issuer != "":
			what = fmt.Sprintf("the document names the issuer %q, the configuration %q", auth.Printable(doc.Issuer), auth.Printable(entry.Issuer))
			fix = fmt.Sprintf("if that is whom you mean, write issuer exactly so in %s; tokens have it so too", auth.EnvOIDCConfig)
			if sameButSpelling(doc.Issuer, entry.Issuer) {
				fix = "they differ by a slash at the end or by case; " + fix
			}
		case doc.Issuer == entry.Issuer:
			what += fmt.Sprintf(" (jwks_uri is %q)", auth.Printable(doc.KeysURL))
			fix = "have the issuer announce an https address of its keys, or configure one as jwks_uri"
		}
	}
	s.add(Problem, "discovery", fix, "%s", what)
}

// explainFetch says what went wrong with a request.
func (d *doctor) explainFetch(err error, h *hop) (what, fix string) {
	what = auth.Printable(err.Error())
	if h == nil {
		return what, ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", d.Timeout), "servers wait 10 s; check the issuer, and proxies and firewalls on the way"
	case h.status >= 300 && h.status < 400:
		return fmt.Sprintf("status %d, a redirect to %s; servers follow none, it could lead to keys of somebody else", h.status, auth.Printable(withoutQuery(h.location))),
			"configure the issuer by its final address"
	case h.status == 401 || h.status == 403:
		return what, `the issuer wants a credential before it shows its keys: name a file with one as "bearer_token_file"`
	case h.status == 404:
		return what, "there is no such document: the issuer's path is wrong (tenant, realm or authorization server)"
	case h.status >= 500:
		return what, "the issuer is out of order; servers try again by themselves"
	}
	return what, ""
}

func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an unreadable address"
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u.String()
}

// keys says which keys there are (A44, B1–B3).
func (d *doctor) keys(s *Section, entry auth.Issuer, found oidc.Inspection, t *trace) {
	if found.Discovery != nil {
		s.add(Skipped, "keys", "", "not reached")
		return
	}
	if found.KeySet != nil {
		var h *hop
		for _, x := range t.hops {
			if x.url.String() == found.KeysURL {
				h = x
			}
		}
		if h != nil && h.unreached() {
			s.add(Skipped, "keys", "", "not reached")
			return
		}
		what, fix := d.explainFetch(found.KeySet, h)
		s.add(Problem, "keys", fix, "%s", what)
		return
	}
	var usable, useless []string
	for _, k := range found.Keys {
		if len(k.Accepts) == 0 {
			useless = append(useless, fmt.Sprintf("%s (%s) fits none of the accepted algorithms", k.Kind, orElse(auth.Printable(k.Algorithm), "any algorithm")))
			continue
		}
		usable = append(usable, fmt.Sprintf("%s for %s, kid %q", k.Kind, strings.Join(k.Accepts, " "), auth.Printable(k.ID)))
	}
	useless = append(useless, found.Skipped...)
	accepted := strings.Join(found.Algorithms, " ")
	if len(usable) == 0 {
		fix := "have the issuer publish a signing key for one of them"
		if len(found.Keys) > 0 && entry.Algorithms != nil {
			fix = `add the algorithm of its keys to "algorithms" of the issuer, or remove that`
		}
		s.add(Problem, "keys", fix, "none of %s can verify %s, which is what is accepted", plural(len(found.Keys)+len(found.Skipped), "key"), accepted)
	} else {
		s.add(OK, "keys", "", "%s of %d usable, %s accepted\n%s", plural(len(usable), "key"), len(found.Keys)+len(found.Skipped), accepted, strings.Join(usable, "\n"))
	}
	for _, why := range useless {
		s.add(Note, "keys", "", "skipped: %s", auth.Printable(why))
	}
}

// clock compares the issuer's clock with ours (B5).
func (d *doctor) clock(s *Section, t *trace) {
	for _, h := range t.hops {
		if h.date.IsZero() {
			continue
		}
		// Date is cut to the second, and was written between the two moments.
		early, late := h.date.Sub(h.received), h.date.Add(time.Second).Sub(h.sent)
		var skew time.Duration
		switch {
		case early > 0:
			skew = early
		case late < 0:
			skew = late
		}
		skew = skew.Round(time.Second)
		where := "ahead of"
		if skew < 0 {
			where = "behind"
		}
		fix := "synchronise the clock of this machine (NTP)"
		switch {
		case skew.Abs() > d.cfg.OIDC.ClockSkew:
			s.add(Problem, "clock", fix, "the issuer's clock is %v %s ours; clock_skew_leeway_secs allows %v: new tokens are refused, or old ones accepted too long",
				skew.Abs(), where, d.cfg.OIDC.ClockSkew)
		case skew.Abs() > noticeableSkew:
			s.add(Warning, "clock", fix, "the issuer's clock is %v %s ours", skew.Abs(), where)
		default:
			s.add(OK, "clock", "", "agrees with ours")
		}
		return
	}
}

// introspection says whether the issuer answers questions about tokens (B17).
func (d *doctor) introspection(s *Section, found oidc.Inspection, t *trace) {
	if !found.Asked {
		return
	}
	endpoint := auth.Printable(found.Endpoint)
	if found.Introspected == nil {
		s.add(OK, "introspection", "", "%s knows our client and calls a made-up token inactive", endpoint)
		return
	}
	what, fix := auth.Printable(found.Introspected.Error()), "check introspection.endpoint"
	if last := t.hops[len(t.hops)-1]; last.url.String() == found.Endpoint {
		what, fix = d.explainFetch(found.Introspected, last)
		if last.status == 400 || last.status == 401 || last.status == 403 {
			fix = "the issuer does not accept the client: check introspection.client_id, client_secret_file and auth_method"
		}
	}
	s.add(Problem, "introspection", fix, "%s: %s", orElse(endpoint, "no endpoint"), what)
}

func quoted(list []string) string {
	texts := make([]string, 0, len(list))
	for _, s := range list {
		texts = append(texts, fmt.Sprintf("%q", auth.Printable(s)))
	}
	return strings.Join(texts, ", ")
}
