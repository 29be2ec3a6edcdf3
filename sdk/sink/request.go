package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// poster makes requests. It holds no state but its connections.
type poster struct {
	url       string
	agent     string
	decorator Decorator // nil: none
	client    *http.Client
}

func newPoster(o Options, d Decorator) *poster {
	transport := o.Transport
	if transport == nil {
		transport = newTransport(o.InFlight)
	}
	return &poster{
		url: o.URL, agent: o.UserAgent, decorator: d,
		client: &http.Client{
			Transport: transport,
			// A redirect would take the credential elsewhere, or turn the request into a GET.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// newTransport is the default one with connections for n requests, and with limits that end before a request does.
func newTransport(n int) *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	t.MaxIdleConnsPerHost = n
	t.IdleConnTimeout = 90 * time.Second
	t.TLSHandshakeTimeout = 5 * time.Second
	t.ExpectContinueTimeout = time.Second
	return t
}

func (p *poster) close() {
	if c, ok := p.decorator.(interface{ Close() }); ok {
		c.Close()
	}
	p.client.CloseIdleConnections()
}

// post makes one attempt, and a second one at once where another credential may help (A138).
func (p *poster) post(ctx context.Context, route string, body []byte, timeout time.Duration) outcome {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, out := p.attempt(ctx, route, body)
	if out.verdict != refused || req == nil {
		return out
	}
	renewer, ok := p.decorator.(Renewer)
	if !ok || !unauthorized(out.err) || !safely(func() bool { return renewer.Renew(req) }) {
		return out
	}
	_, out = p.attempt(ctx, route, body)
	return out
}

func unauthorized(err error) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && (e.code == http.StatusUnauthorized || e.code == http.StatusForbidden)
}

// attempt makes a request and returns it, when it got as far as being sent.
func (p *poster) attempt(ctx context.Context, route string, body []byte) (*http.Request, outcome) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+route, bytes.NewReader(body))
	if err != nil {
		return nil, outcome{verdict: impossible, err: err}
	}
	req.Header.Set("User-Agent", p.agent)
	// Without a value it is not sent, but tells the transport that it may send again on a connection that turned out to
	// be closed: ids make our requests idempotent. See http.Transport.
	req.Header["Idempotency-Key"] = nil
	if err := p.decorate(req); err != nil {
		return nil, failureOf(err)
	}
	resp, err := p.do(req)
	if err != nil {
		return nil, failureOf(err)
	}
	defer resp.Body.Close()
	const shown, drained = 512, 64 << 10
	credential := credentialOf(req)
	text, _ := io.ReadAll(io.LimitReader(resp.Body, shown+int64(len(credential)))) // it only explains the status
	if credential != "" {                                                          // some proxies answer with the request
		text = bytes.ReplaceAll(text, []byte(credential), []byte(redacted))
	}
	text = text[:min(len(text), shown)]
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, drained)) // for the connection to be used again
	return req, outcomeOf(route, resp, oneLine(string(text)), time.Now())
}

// do makes a request; a transport of the program's that panics breaks it off.
func (p *poster) do(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return p.client.Do(req)
}

// credentialOf is what a request carries after the scheme, which no log must show.
func credentialOf(req *http.Request) string {
	scheme, credential, ok := strings.Cut(req.Header.Get("Authorization"), " ")
	if !ok {
		return scheme
	}
	return credential
}

func (p *poster) decorate(req *http.Request) (err error) {
	if p.decorator == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = &decoratorError{fmt.Errorf("panic: %v", r)}
		}
	}()
	err = p.decorator.Decorate(req)
	if _, ok := errors.AsType[*CredentialError](err); err == nil || ok {
		return err
	}
	return &decoratorError{err}
}

// safely is f's answer, or no when it panics: telemetry does not break the program (A139).
func safely(f func() bool) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return f()
}
