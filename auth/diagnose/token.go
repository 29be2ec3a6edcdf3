package diagnose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/apikey"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/oidc"
	"github.com/micromegas-go/micromegas/auth/storedkey"
)

// Result is that of a step.
type Result string

// The results.
const (
	Pass       Result = "pass"
	Fail       Result = "fail"
	NotReached Result = "not reached" // a step before failed
	NotMine    Result = "no"          // another method is meant
)

// Token is what the servers decide about a credential.
type Token struct {
	Form      string     `json:"form"`
	Claims    []Claim    `json:"claims,omitempty"` // unverified
	Steps     []Step     `json:"steps"`
	Accepted  bool       `json:"accepted"`
	Status    Status     `json:"status"`
	Failed    string     `json:"failed,omitempty"`    // the step that decided
	Reason    string     `json:"reason,omitempty"`    // as in the servers' log
	Fix       string     `json:"fix,omitempty"`       //
	Otherwise string     `json:"otherwise,omitempty"` // what would be if the failed steps had not failed
	Identity  *Identity  `json:"identity,omitempty"`
	Decisions []Decision `json:"decisions,omitempty"`

	err error // of the chain
}

// Step is a rule that was applied.
type Step struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Origin string `json:"requirement"`
	Result Result `json:"result"`
	Detail string `json:"detail,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

// Identity is who the caller is to the servers.
type Identity struct {
	Subject       string   `json:"subject"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Groups        []string `json:"groups,omitempty"`
	Issuer        string   `json:"issuer"`
	Audience      string   `json:"audience,omitempty"`
	Method        string   `json:"method"`
	Roles         string   `json:"roles"`
	Admin         bool     `json:"admin"`
}

// Decision is the answer of a server.
type Decision struct {
	Server  string `json:"server"`
	Allowed bool   `json:"allowed"`
	Answer  string `json:"answer"`
	Why     string `json:"why,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

// attempt is what one provider says.
type attempt struct {
	provider auth.Provider
	id       *auth.Identity
	err      error
}

// token decides about the credential with the servers' own chain.
func (d *doctor) token(ctx context.Context) *Token {
	v := viewOf(d.Token)
	t := &Token{Form: string(v.form), Claims: d.shown(v), Status: OK}
	if d.broken {
		t.Status, t.Reason, t.Fix = Problem, "servers do not start with this configuration", "correct the mistakes above first"
		return t
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	chain := d.chain(d.cfg)
	defer func() { _ = chain.Close() }() // ends what it has under way

	_, headerErr := auth.Bearer(d.authorization())
	t.step(d, v, rule{id: "authorization", title: "can be sent in an Authorization header", origin: "A29", refusals: []error{auth.ErrMalformed}}, headerErr)

	id, err := d.admit(ctx, chain, 0, "")
	t.err = err
	if chain.Disabled() {
		t.Accepted = true
		t.Steps = []Step{{ID: "disabled", Title: "authentication is off: nothing is checked", Origin: "A4", Result: Pass}}
		d.decide(ctx, t, chain, id)
		return t
	}
	if headerErr == nil {
		d.explain(ctx, t, v, chain, err)
	}
	if err != nil {
		d.refused(t, v, err)
	} else {
		t.Accepted = true
	}
	d.decide(ctx, t, chain, id)
	return t
}

func (d *doctor) authorization() []string { return []string{"Bearer " + string(d.Token)} }

// chain returns the servers' chain for cfg. Limits on failures are left out: here is one caller, who asks again and again.
func (d *doctor) chain(cfg auth.Config) *auth.Chain {
	if d.DisableAuth {
		return auth.Disabled(nil)
	}
	cfg.Limits = auth.Limits{}
	if d.Offline {
		cfg.OIDC.Issuers = offline(cfg.OIDC.Issuers)
	}
	o := authenv.Options{Now: d.Now}
	if d.Store != nil {
		o.Extra = []auth.Provider{storedkey.New(d.Store, storedkey.Options{Now: d.Now})}
	}
	return authenv.New(cfg, o)
}

// nowhere is a file that is not there.
const nowhere = "/nonexistent/--offline"

// offline returns issuers that are asked for nothing: a file that is not there stands in the place of their keys.
func offline(issuers []auth.Issuer) []auth.Issuer {
	issuers = slices.Clone(issuers)
	for i := range issuers {
		issuers[i].Introspection = nil
		if issuers[i].KeysFile == "" {
			issuers[i].KeysURL, issuers[i].KeysFile = "", nowhere
		}
	}
	return issuers
}

// admit asks as the doors do.
func (d *doctor) admit(ctx context.Context, chain *auth.Chain, role auth.Role, operation string) (*auth.Identity, error) {
	call := auth.Call{Authorization: d.authorization(), Role: role, Operation: operation}
	if d.Client.IsValid() {
		call.Peer = d.Client.String()
	}
	ctx, err := chain.Admit(ctx, call)
	id, _ := auth.From(ctx)
	return id, err
}

// explain asks the providers one by one and lists the steps of each.
func (d *doctor) explain(ctx context.Context, t *Token, v view, chain *auth.Chain, decided error) {
	var attempts []attempt
	accepted := false
	for _, p := range chain.Setup().Providers {
		verified, err := p.Authenticate(ctx, d.Token)
		a := attempt{provider: p, err: err}
		if err == nil {
			a.id, accepted = verified.Identity(), true
		}
		attempts = append(attempts, a)
		if accepted {
			break
		}
	}
	d.degraded = chain.Degraded()
	main := primary(attempts, v)
	for i, a := range attempts {
		rules := d.rulesOf(a.provider, v)
		if i == main {
			d.steps(ctx, t, v, a, rules)
			continue
		}
		r := rules[0]
		for _, other := range rules {
			if other.breaks(d, v, a.err) {
				r = other
				break
			}
		}
		t.Steps = append(t.Steps, Step{ID: string(a.provider.Method()) + ": " + r.id, Title: r.title, Origin: r.origin, Result: NotMine, Detail: reasonOf(a.err)})
	}
	if d.Store == nil && v.form == formMinted && !accepted {
		t.Steps = append(t.Steps, Step{ID: "stored key", Title: "is a key of the catalog", Origin: "B28", Result: NotReached, Detail: "the stored keys were not looked at"})
	}
	if !accepted {
		return
	}
	for _, r := range placeRules() {
		t.step(d, v, r, decided)
	}
}

// primary returns the attempt that a credential is meant for: the one that accepted it, else one that knows it, else the
// one that its form tells.
func primary(attempts []attempt, v view) int {
	stored, tokens := -1, -1
	for i, a := range attempts {
		if a.err == nil {
			return i
		}
		switch a.provider.(type) {
		case *oidc.Provider:
			tokens = i
		case *storedkey.Provider:
			stored = i
		}
		if undecided(a.err) { // stronger than the refusals of others
			return i
		}
		if a.provider.Method() == auth.MethodAPIKey && !errors.Is(a.err, apikey.ErrUnknown) && !errors.Is(a.err, storedkey.ErrUnknown) {
			return i
		}
	}
	switch {
	case v.form == formMinted && stored >= 0:
		return stored
	case v.form != formMinted && tokens >= 0:
		return tokens
	}
	return len(attempts) - 1
}

// rulesOf returns what a provider applies to a token of this form.
func (d *doctor) rulesOf(p auth.Provider, v view) []rule {
	switch p.(type) {
	case *apikey.Provider:
		return configuredKeyRules()
	case *storedkey.Provider:
		return storedKeyRules()
	}
	if v.form != formSigned && v.form != formMinted && d.asks() {
		return opaqueRules()
	}
	rules := signedRules()
	if d.alwaysAsks(v.issuer()) {
		rules = append(rules, activeRule())
	}
	return rules
}

// asks reports whether an issuer is asked about opaque tokens.
func (d *doctor) asks() bool {
	return !d.Offline && slices.ContainsFunc(d.cfg.OIDC.Issuers, func(is auth.Issuer) bool { return is.Introspection != nil })
}

// alwaysAsks reports whether an issuer is asked about JWTs too.
func (d *doctor) alwaysAsks(issuer string) bool {
	e := d.entries(issuer)
	return !d.Offline && len(e) > 0 && e[0].Introspection != nil && e[0].Introspection.Always
}

// steps applies rules to what a provider has said. Behind a rule that is broken it goes on as far as it can be seen what
// the others say.
func (d *doctor) steps(ctx context.Context, t *Token, v view, a attempt, rules []rule) {
	err := a.err
	again := d.retry(v)
	for i, r := range rules {
		switch {
		case err == nil:
			t.pass(d, v, r, a.id)
		case errors.Is(err, errNotReached):
			t.Steps = append(t.Steps, Step{ID: r.id, Title: r.title, Origin: r.origin, Result: NotReached})
		case r.breaks(d, v, err):
			t.step(d, v, r, err)
			err = again.after(ctx, err)
			if err != nil && !slices.ContainsFunc(rules[i+1:], func(r rule) bool { return r.breaks(d, v, err) }) {
				err = errNotReached
			}
			if err == nil {
				t.Otherwise = "all other rules of the method hold"
			}
		default:
			t.pass(d, v, r, nil)
		}
	}
	if err != nil && !slices.ContainsFunc(t.Steps, func(s Step) bool { return s.Result == Fail }) {
		t.Steps = append(t.Steps, Step{ID: "other", Title: "another rule", Result: Fail, Detail: reasonOf(err)})
	}
}

func (t *Token) pass(d *doctor, v view, r rule, id *auth.Identity) {
	t.Steps = append(t.Steps, Step{ID: r.id, Title: r.title, Origin: r.origin, Result: Pass, Detail: d.value(r, v, id)})
}

// step adds a rule that err, if it is that rule's, breaks.
func (t *Token) step(d *doctor, v view, r rule, err error) {
	if err == nil || !r.breaks(d, v, err) {
		t.pass(d, v, r, nil)
		return
	}
	what, fix := d.advise(r, v, err)
	t.Steps = append(t.Steps, Step{ID: r.id, Title: r.title, Origin: r.origin, Result: Fail, Detail: what, Fix: fix})
}

// refused fills in why the servers refuse the credential.
func (d *doctor) refused(t *Token, v view, err error) {
	t.Status = Problem
	if d.Offline && undecided(err) {
		t.Status = Skipped
	}
	for _, s := range t.Steps {
		if s.Result == Fail {
			t.Failed, t.Reason, t.Fix = s.ID, s.Detail, s.Fix
			return
		}
	}
	t.Failed, t.Reason = "methods", reasonOf(err)
	if len(t.Steps) <= 1 {
		t.Reason, t.Fix = "no method is configured that could accept it", "set "+auth.EnvOIDCConfig+" for tokens or "+auth.EnvAPIKeys+" for keys"
	}
	if v.form == formMinted {
		t.Fix = "run this where the catalog of the servers can be opened"
	}
}

// reasonOf returns the rule that err names, and what the log would say about it.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	if r, ok := errors.AsType[*auth.Refusal](err); ok {
		if r.Detail != "" {
			return r.Error() + ": " + auth.Printable(r.Detail)
		}
		return r.Error()
	}
	return auth.Printable(err.Error())
}

// text prints t for people.
func (t *Token) text(b *strings.Builder) {
	fmt.Fprintf(b, "token: %s\n", t.Form)
	for _, c := range t.Claims {
		line(b, "", c.Name, c.Value, "")
	}
	if len(t.Claims) > 0 {
		b.WriteString("  (unverified)\n")
	}
	b.WriteByte('\n')
	if len(t.Steps) > 0 {
		b.WriteString("rules, in the order of the servers\n")
	}
	var behind []string
	for _, s := range t.Steps {
		result := string(s.Result)
		switch s.Result {
		case Fail:
			result = "FAIL"
		case NotReached:
			behind = append(behind, s.ID)
			continue
		case Pass, NotMine:
		}
		title := s.Title
		if s.Detail != "" {
			title += ": " + s.Detail
		}
		line(b, result, s.ID, title, s.Fix)
	}
	if len(behind) > 0 {
		line(b, "-", "not reached", strings.Join(behind, ", "), "")
	}
	b.WriteString("\ndecision\n")
	switch {
	case t.Accepted && t.Identity != nil:
		id := t.Identity
		who := id.Subject
		if id.Email != "" {
			who += ", " + id.Email
			if !id.EmailVerified {
				who += " (unverified)"
			}
		}
		line(b, "ok", "accepted", fmt.Sprintf("as %s, by %s, roles %s", who, id.Method, id.Roles), "")
	case !t.Accepted:
		word := "refused"
		if undecided(t.err) {
			word = "undecided"
		}
		line(b, string(t.Status), word, t.Reason, t.Fix)
		if t.Otherwise != "" {
			line(b, "note", "otherwise", t.Otherwise, "")
		}
	}
	for _, s := range t.Decisions {
		status := "no"
		if s.Allowed {
			status = "yes"
		}
		detail := s.Answer
		if s.Why != "" {
			detail += ": " + s.Why
		}
		line(b, status, s.Server, detail, s.Fix)
	}
	b.WriteByte('\n')
}
