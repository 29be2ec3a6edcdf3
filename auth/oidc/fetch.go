package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/strictjson"
)

// Bounds on what an issuer may cost us (B11).
const (
	fetchTimeout   = 10 * time.Second // discovery and keys together
	connectTimeout = 5 * time.Second
	maxBody        = 1 << 20
	maxHeader      = 64 << 10
)

// metadata is what we use of a discovery document.
type metadata struct {
	keysURL    string
	algorithms []string // announced
}

// newClient returns a client that follows no redirects and trusts rootCAs (PEM) beside the system's certificates.
func newClient(rootCAs []byte) *http.Client {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(rootCAs) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // no system store: the given ones are all there is
		}
		pool.AppendCertsFromPEM(rootCAs)
		cfg.RootCAs = pool
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig:        cfg,
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true, // a fetch an hour needs no open connection
			ForceAttemptHTTP2:      true,
		},
		// A redirect could lead to keys of somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetch asks the issuer where its keys are, and gets them: both can change from one day to the next. maxAge is what
// Cache-Control says of the keys, negative if nothing.
func (is *issuer) fetch(ctx context.Context) (set *keySet, maxAge time.Duration, err error) {
	meta, err := is.discover(ctx)
	if err != nil {
		return nil, 0, err
	}
	body, maxAge, err := is.get(ctx, meta.keysURL)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch keys: %w", err)
	}
	keys, skipped, err := parseKeySet(body)
	if err != nil {
		return nil, 0, err
	}
	if len(skipped) > 0 {
		is.log.DebugContext(ctx, "auth keys skipped", "reasons", skipped)
	}
	return &keySet{keys: keys, algorithms: is.algorithms(meta)}, maxAge, nil
}

// algorithms returns what is accepted: what is configured, else what the issuer announces as far as we support it, else
// RS256, which every issuer must have (B1).
func (is *issuer) algorithms(meta *metadata) []string {
	if configured := is.entries[0].Algorithms; len(configured) > 0 {
		return configured
	}
	var accepted []string
	for _, a := range auth.Algorithms() {
		if slices.Contains(meta.algorithms, a) {
			accepted = append(accepted, a)
		}
	}
	if len(accepted) == 0 {
		return []string{"RS256"}
	}
	return accepted
}

// discover reads the issuer's metadata (OpenID Connect Discovery section 4).
func (is *issuer) discover(ctx context.Context) (*metadata, error) {
	if configured := is.entries[0].KeysURL; configured != "" {
		return &metadata{keysURL: configured}, nil
	}
	body, _, err := is.get(ctx, strings.TrimSuffix(is.name, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	doc, err := strictjson.Object(body, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	// Section 4.3: else any issuer could speak for any other.
	if doc["issuer"] != is.name {
		return nil, errors.New("discovery: the document is that of another issuer; write issuer exactly as the document has it")
	}
	meta := &metadata{}
	meta.keysURL, _ = doc["jwks_uri"].(string)
	if err := is.checkKeysURL(meta.keysURL); err != nil {
		return nil, fmt.Errorf("discovery: jwks_uri: %w", err)
	}
	if list, ok := doc["id_token_signing_alg_values_supported"].([]any); ok {
		for _, a := range list {
			if s, ok := a.(string); ok {
				meta.algorithms = append(meta.algorithms, s)
			}
		}
	}
	return meta, nil
}

// checkKeysURL lets keys come over https from anywhere (Google's do from another host), over plain http only for an
// issuer that is itself configured so.
func (is *issuer) checkKeysURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("not an absolute URL")
	}
	if u.Scheme == "https" {
		return nil
	}
	plain := strings.HasPrefix(is.name, "http://") // the configuration has checked that it may be
	if u.Scheme == "http" && plain && (is.entries[0].AllowHTTP || auth.LoopbackHost(u.Hostname())) {
		return nil
	}
	return errors.New("not an https URL")
}

// get reads a small JSON document.
func (is *issuer) get(ctx context.Context, address string) (body []byte, maxAge time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := is.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }() // read only
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("GET %s: status %d", address, resp.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, 0, fmt.Errorf("GET %s: %w", address, err)
	}
	if len(body) > maxBody {
		return nil, 0, fmt.Errorf("GET %s: more than %d bytes", address, maxBody)
	}
	return body, cacheMaxAge(resp.Header.Get("Cache-Control")), nil
}

// cacheMaxAge returns the max-age of a Cache-Control header (RFC 9111 section 5.2.2.1), negative if there is none.
func cacheMaxAge(header string) time.Duration {
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			secs, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				return time.Duration(secs) * time.Second
			}
		}
	}
	return -1
}
