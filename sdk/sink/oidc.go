package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Variables of client credentials.
const (
	EnvTokenEndpoint = "MICROMEGAS_OIDC_TOKEN_ENDPOINT"
	EnvIssuer        = "MICROMEGAS_OIDC_ISSUER"
	EnvClientID      = "MICROMEGAS_OIDC_CLIENT_ID"
	EnvClientSecret  = "MICROMEGAS_OIDC_CLIENT_SECRET"
	EnvAudience      = "MICROMEGAS_OIDC_AUDIENCE"
	EnvTokenBuffer   = "MICROMEGAS_OIDC_TOKEN_BUFFER_SECONDS"
)

const (
	defaultBuffer = 180 * time.Second
	// unknownLife is how long a token is used that does not say how long it lives.
	unknownLife = 300 * time.Second
	// refusedPause is how long the provider is left alone after it said no.
	refusedPause = time.Minute
	// tokenTimeout is for one question to the provider, whoever waits for it.
	tokenTimeout = 10 * time.Second
	// maxBuffer keeps a slip of the unit from being taken for a margin.
	maxBuffer = 24 * time.Hour
)

// OIDCClientCredentials says how a program gets its tokens (RFC 6749 section 4.4).
type OIDCClientCredentials struct {
	TokenEndpoint string // or
	Issuer        string // whose discovery document names the endpoint; used when TokenEndpoint is empty
	ClientID      string
	ClientSecret  string
	Audience      string        // sent as the form's audience; "" sends none
	Buffer        time.Duration // renew this long before a token expires; 0 means 180s
	Transport     http.RoundTripper
}

// OIDCClientCredentialsDecorator puts an access token on each request. It asks for one when it needs one, once for all
// who wait, keeps it until shortly before it expires, and asks anew when the server refuses it.
type OIDCClientCredentialsDecorator struct {
	config OIDCClientCredentials
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	token    secret
	renewAt  time.Time
	fetch    *fetch // under way
	failure  error  // of the last attempt
	pausedTo time.Time
	failures int
	closed   bool
}

// fetch is one question to the provider.
type fetch struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // after done
}

var errClosed = errors.New("the sink has ended")

// NewOIDCClientCredentialsDecorator returns a decorator; the error names everything that is missing.
func NewOIDCClientCredentialsDecorator(c OIDCClientCredentials) (*OIDCClientCredentialsDecorator, error) {
	if err := c.check(credentialNames{"TokenEndpoint", "Issuer", "ClientID", "ClientSecret", "Buffer"}); err != nil {
		return nil, fmt.Errorf("client credentials: %w", err)
	}
	if c.Buffer == 0 {
		c.Buffer = defaultBuffer
	}
	transport := c.Transport
	if transport == nil {
		transport = newTransport(1)
	}
	return &OIDCClientCredentialsDecorator{
		config: c, now: time.Now,
		client: &http.Client{
			Transport: transport,
			// The form holds the secret, which is for nobody but the endpoint (A140).
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// OIDCClientCredentialsDecoratorFromEnv returns a decorator configured by MICROMEGAS_OIDC_TOKEN_ENDPOINT (or, without
// it, MICROMEGAS_OIDC_ISSUER), MICROMEGAS_OIDC_CLIENT_ID and MICROMEGAS_OIDC_CLIENT_SECRET, and, if set,
// MICROMEGAS_OIDC_AUDIENCE and MICROMEGAS_OIDC_TOKEN_BUFFER_SECONDS. The error names everything that is missing or wrong.
func OIDCClientCredentialsDecoratorFromEnv(getenv func(string) string) (*OIDCClientCredentialsDecorator, error) {
	c, err := clientCredentialsFromEnv(getenv)
	if err != nil {
		return nil, err
	}
	return NewOIDCClientCredentialsDecorator(c)
}

func clientCredentialsFromEnv(getenv func(string) string) (OIDCClientCredentials, error) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	c := OIDCClientCredentials{
		TokenEndpoint: get(EnvTokenEndpoint), Issuer: get(EnvIssuer), ClientID: get(EnvClientID),
		ClientSecret: get(EnvClientSecret), Audience: get(EnvAudience),
	}
	var errs []error
	if text := get(EnvTokenBuffer); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 || time.Duration(n)*time.Second > maxBuffer {
			errs = append(errs, fmt.Errorf("%s is %q; it must be a number of seconds, from 0 to 86400", EnvTokenBuffer, oneLine(text)))
		}
		if c.Buffer = time.Duration(n) * time.Second; c.Buffer == 0 {
			c.Buffer = time.Nanosecond // none, where 0 means the default
		}
	}
	errs = append(errs, c.check(credentialNames{EnvTokenEndpoint, EnvIssuer, EnvClientID, EnvClientSecret, EnvTokenBuffer}))
	return c, errors.Join(errs...)
}

// credentialNames are what the fields of client credentials are called in errors.
type credentialNames struct{ endpoint, issuer, id, password, buffer string }

// check finds everything that is missing or wrong.
func (c OIDCClientCredentials) check(n credentialNames) error {
	var errs []error
	switch {
	case c.TokenEndpoint != "":
		errs = append(errs, checkProviderURL(n.endpoint, c.TokenEndpoint))
	case c.Issuer != "":
		errs = append(errs, checkProviderURL(n.issuer, c.Issuer))
	default:
		errs = append(errs, fmt.Errorf("%s is not set, nor %s", n.endpoint, n.issuer))
	}
	if c.ClientID == "" {
		errs = append(errs, fmt.Errorf("%s is not set", n.id))
	}
	if c.ClientSecret == "" {
		errs = append(errs, fmt.Errorf("%s is not set", n.password))
	}
	if c.Buffer < 0 || c.Buffer > maxBuffer {
		errs = append(errs, fmt.Errorf("%s must be between 0 and a day", n.buffer))
	}
	return errors.Join(errs...)
}

func checkProviderURL(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("%s must be an https URL", name)
	}
	if u.User != nil {
		return fmt.Errorf("%s must not hold a password", name)
	}
	return nil
}

// Decorate implements [Decorator].
func (d *OIDCClientCredentialsDecorator) Decorate(r *http.Request) error {
	token, err := d.current(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+string(token))
	return nil
}

// Renew implements [Renewer]: the token that r carried is not used again.
func (d *OIDCClientCredentialsDecorator) Renew(r *http.Request) bool {
	sent, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token == secret(sent) {
		d.token = ""
	}
	return true
}

// Format keeps secrets out of whatever is printed.
func (d *OIDCClientCredentialsDecorator) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "OIDC client credentials of "+d.config.ClientID)
}

// Format keeps the secret out of whatever is printed.
func (c OIDCClientCredentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "OIDC client credentials of "+c.ClientID)
}

// Close ends what is under way with the provider, and the connections to it. A sink closes its decorator.
func (d *OIDCClientCredentialsDecorator) Close() {
	d.mu.Lock()
	d.closed = true
	f := d.fetch
	d.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
	d.client.CloseIdleConnections()
}

// current is a token that is good for now. One goroutine fetches it for all; each waits no longer than its own context.
func (d *OIDCClientCredentialsDecorator) current(ctx context.Context) (secret, error) {
	for {
		d.mu.Lock()
		now := d.now()
		if d.token != "" && now.Before(d.renewAt) {
			token := d.token
			d.mu.Unlock()
			return token, nil
		}
		if d.failure != nil && now.Before(d.pausedTo) {
			err := d.pausedLocked(now)
			d.mu.Unlock()
			return "", err
		}
		if d.closed {
			d.mu.Unlock()
			return "", &CredentialError{Err: errClosed}
		}
		f := d.fetch
		if f == nil {
			f = d.beginLocked(ctx)
		}
		d.mu.Unlock()
		select {
		case <-f.done:
			if f.err != nil {
				return "", f.err
			}
		case <-ctx.Done():
			return "", &CredentialError{Err: fmt.Errorf("wait for a token: %w", ctx.Err())}
		}
	}
}

// pausedLocked is the last failure again, without asking.
func (d *OIDCClientCredentialsDecorator) pausedLocked(now time.Time) error {
	e := &CredentialError{Err: d.failure, RetryAfter: d.pausedTo.Sub(now)}
	if last, ok := errors.AsType[*CredentialError](d.failure); ok {
		e.Err, e.Refused = last.Err, last.Refused
	}
	return e
}

// beginLocked starts a question that goes on when who asked first has stopped waiting.
func (d *OIDCClientCredentialsDecorator) beginLocked(ctx context.Context) *fetch {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenTimeout)
	d.fetch = &fetch{cancel: cancel, done: make(chan struct{})}
	go d.run(ctx, d.fetch)
	return d.fetch
}

// run asks the provider.
func (d *OIDCClientCredentialsDecorator) run(ctx context.Context, f *fetch) {
	defer f.cancel()
	t, err := d.ask(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	defer close(f.done)
	d.fetch, d.failure, f.err = nil, err, err
	now := d.now()
	if err == nil {
		d.token, d.renewAt, d.failures = t.token, now.Add(d.useFor(t.life)), 0
		return
	}
	d.failures++
	pause := RetryPolicy{}.withDefaults().delay(d.failures)
	if e, ok := errors.AsType[*CredentialError](err); ok {
		pause = max(pause, min(e.RetryAfter, maxRetryAfter))
		if e.Refused {
			pause = max(pause, refusedPause)
		}
		e.RetryAfter = pause
	}
	d.pausedTo = now.Add(pause)
}

// useFor is how long a token of that life is used: until the buffer before its end, or for 80 % of a life that is not
// longer than the buffer (A134).
func (d *OIDCClientCredentialsDecorator) useFor(life time.Duration) time.Duration {
	const percent, hundred = 80, 100
	if life <= d.config.Buffer {
		return life * percent / hundred
	}
	return life - d.config.Buffer
}
