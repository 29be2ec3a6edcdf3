package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
	"github.com/micromegas-go/micromegas/auth/internal/strictjson"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// Bounds on the questions that callers can cause (B42).
const (
	// mostQuestions are under way at once for one issuer; more wait.
	mostQuestions = 32
	// Of questions that came to nothing, so many are asked at once, and so many a second afterwards. Beyond that the answer
	// is "try again": nothing is known about the token.
	inactiveBurst = 100
	inactiveRate  = 20.0
)

// storedKeyPrefix begins the keys we mint: they are asked for elsewhere and are no business of an issuer.
const storedKeyPrefix = "mmk_"

// introspector asks an issuer about tokens (RFC 7662, B17).
type introspector struct {
	cfg    auth.Introspection
	is     *issuer
	client *http.Client
	slots  chan struct{}
	log    *slog.Logger

	questions, errors atomic.Uint64

	mu       sync.Mutex
	failures int       // since the last answer
	retry    time.Time // no question before, after a failure
	budget   float64   // of questions that come to nothing
	counted  time.Time // when budget was right
}

func newIntrospector(cfg auth.Introspection, is *issuer) *introspector {
	return &introspector{
		cfg:    cfg,
		is:     is,
		client: newClient(is.entries[0].RootCAs, true),
		slots:  make(chan struct{}, mostQuestions),
		log:    is.log,
		budget: inactiveBurst,
	}
}

// asksAbout reports whether issuers are asked about a token that reason keeps from being a signed one.
func (p *Provider) asksAbout(token auth.Secret, reason error) bool {
	return len(p.opaque) > 0 && !errors.Is(reason, ErrGoogleAccess) && !strings.HasPrefix(string(token), storedKeyPrefix)
}

// introspect asks the issuers about an opaque token, one after the other, until one knows it.
func (p *Provider) introspect(ctx context.Context, sum digest.Sum, text string) (*auth.Verified, error) {
	var outage, refused error
	for _, is := range p.opaque {
		claims, err := is.introspector.ask(ctx, text)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && fault.KindOf(err) == fault.Unavailable:
			outage = err
			continue
		case errors.Is(err, ErrInactive):
			if refused == nil {
				refused = &auth.Refusal{Err: ErrInactive, Issuer: is.name, Known: true}
			}
			continue
		}
		now := p.now()
		t := &token{claims: claims, issuer: is.name, introspected: true}
		var id auth.Identity
		if err == nil {
			id, err = checkClaims(t, is.entries, p.cfg, now)
		}
		if err != nil { // the issuer knows the token, and it is not for us
			return nil, p.refuse(sum, t, nil, 0, err)
		}
		end := now.Add(is.introspector.cfg.CacheTTL)
		if !id.Expiry.IsZero() {
			end = earlier(end, id.Expiry)
		}
		return p.accept(sum, is, id, claims, end), nil
	}
	if outage != nil {
		return nil, outage
	}
	return nil, p.refuse(sum, nil, nil, 0, refused)
}

// stillActive asks the issuer about a JWT that is good in itself.
func (p *Provider) stillActive(ctx context.Context, is *issuer, t *token) error {
	claims, err := is.introspector.ask(ctx, t.raw)
	if err != nil {
		return err
	}
	// RFC 7662 section 2.2: both are optional.
	if iss, ok := claims["iss"]; ok && iss != is.name {
		return ErrMismatch
	}
	if sub, ok := claims["sub"]; ok && sub != t.claims["sub"] {
		return ErrMismatch
	}
	return nil
}

// ask returns what the issuer says about a token that it calls active. The error is ErrInactive, or a fault.Unavailable
// when there is no answer, or a rule that the answer breaks.
func (in *introspector) ask(ctx context.Context, token string) (map[string]any, error) {
	select {
	case in.slots <- struct{}{}:
		defer func() { <-in.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := in.mayAsk(); err != nil { // only now: what came to nothing meanwhile counts
		return nil, err
	}
	in.questions.Add(1)
	answer, err := in.post(ctx, token)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, in.failed(err)
	}
	in.mu.Lock()
	in.failures, in.retry = 0, time.Time{}
	in.mu.Unlock()
	// RFC 7662 section 2.2: active is a boolean. Anything but true is no.
	if answer["active"] != true {
		in.spend()
		return nil, ErrInactive
	}
	return in.claims(answer)
}

// claims checks what checkClaims cannot see in an answer that leaves things out, and fills it in.
func (in *introspector) claims(answer map[string]any) (map[string]any, error) {
	if iss, ok := answer["iss"]; ok && iss != in.is.name {
		return nil, ErrIssuer
	}
	// RFC 7009 section 2.1 names the types; a refresh token is no login.
	if typ, _ := answer["token_type"].(string); strings.EqualFold(typ, "refresh_token") {
		return nil, ErrType
	}
	if _, ok := answer["aud"]; !ok {
		// Without an audience the client that the token was issued to decides: it must be one of ours.
		client, _ := answer["client_id"].(string)
		for _, entry := range in.is.entries {
			if client != "" && (slices.Contains(entry.Audiences, client) || slices.Contains(entry.AuthorizedParties, client)) {
				answer["aud"] = entry.Audiences[0]
				return answer, nil
			}
		}
	}
	return answer, nil
}

// mayAsk refuses questions during an outage, and when too many came to nothing.
func (in *introspector) mayAsk() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := in.is.now()
	if now.Before(in.retry) {
		return in.unavailable(nil, in.retry.Sub(now))
	}
	if passed := now.Sub(in.counted); passed > 0 {
		if !in.counted.IsZero() {
			in.budget = min(inactiveBurst, in.budget+passed.Seconds()*inactiveRate)
		}
		in.counted = now
	}
	if in.budget < 1 {
		return in.unavailable(errTooManyQuestions, time.Second)
	}
	return nil
}

var errTooManyQuestions = errors.New("too many tokens that the issuer does not know")

func (in *introspector) spend() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.budget--
}

// failed remembers that there was no answer (B10).
func (in *introspector) failed(err error) error {
	in.errors.Add(1)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.failures++
	wait := backoff(in.failures)
	in.retry = in.is.now().Add(wait)
	in.log.Warn("auth issuer does not answer questions about tokens", "err", auth.Printable(err.Error()), "failures", in.failures)
	return in.unavailable(err, wait)
}

func (in *introspector) unavailable(cause error, wait time.Duration) error {
	return &fault.Error{Kind: fault.Unavailable, Msg: "the issuer cannot be asked about the token", Err: cause, RetryAfter: max(wait, time.Second)}
}

// post sends the question (RFC 7662 section 2.1).
func (in *introspector) post(ctx context.Context, token string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	endpoint, method, err := in.where(ctx)
	if err != nil {
		return nil, err
	}
	secret := string(in.cfg.ClientSecret)
	if path := in.cfg.ClientSecretFile; path != "" {
		data, err := auth.ReadConfigFile(path)
		if err != nil {
			return nil, fmt.Errorf("client_secret_file: %w", err)
		}
		secret = strings.TrimSpace(string(data))
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if method == "client_secret_post" {
		form.Set("client_id", in.cfg.ClientID)
		form.Set("client_secret", secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if method != "client_secret_post" {
		// RFC 6749 section 2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(in.cfg.ClientID), url.QueryEscape(secret))
	}
	body, _, err := read(in.client, req)
	if err != nil {
		return nil, err
	}
	return strictjson.Object(body, maxDepth)
}

// where returns the endpoint and how it knows who asks.
func (in *introspector) where(ctx context.Context) (endpoint, method string, err error) {
	endpoint, method = in.cfg.Endpoint, in.cfg.AuthMethod
	if endpoint == "" {
		set, _, err := in.is.keys(ctx)
		if err != nil {
			return "", "", err
		}
		if endpoint = set.meta.introspect; endpoint == "" {
			return "", "", errors.New("discovery names no usable introspection_endpoint; set introspection.endpoint")
		}
		by := set.meta.introspectBy
		if method == "" && !slices.Contains(by, "client_secret_basic") && slices.Contains(by, "client_secret_post") {
			method = "client_secret_post"
		}
	}
	return endpoint, method, nil
}
