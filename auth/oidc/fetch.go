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
	keysURL      string
	algorithms   []string // announced
	introspect   string   // the endpoint for questions about tokens, if announced
	introspectBy []string // how the endpoint knows who asks, if announced
}

// newClient returns a client that follows no redirects and trusts rootCAs (PEM) beside the system's certificates.
func newClient(rootCAs []byte, keepAlive bool) *http.Client {
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
			DisableKeepAlives:      !keepAlive, // a fetch an hour needs no open connection
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
	set, skipped, maxAge, err := is.fetchKeys(ctx, meta)
	if len(skipped) > 0 {
		is.log.DebugContext(ctx, "auth keys skipped", "reasons", skipped)
	}
	return set, maxAge, err
}

// fetchKeys gets the keys from where meta says they are. skipped are those that cannot serve, with a reason each.
func (is *issuer) fetchKeys(ctx context.Context, meta *metadata) (set *keySet, skipped []string, maxAge time.Duration, err error) {
	var body []byte
	if path := is.entries[0].KeysFile; path != "" {
		body, err = auth.ReadConfigFile(path)
		maxAge = -1
	} else {
		body, maxAge, err = is.get(ctx, meta.keysURL)
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("fetch keys: %w", err)
	}
	if len(body) > maxBody {
		return nil, nil, 0, fmt.Errorf("fetch keys: more than %d bytes", maxBody)
	}
	keys, skipped, err := parseKeySet(body)
	if err != nil {
		return nil, nil, 0, err
	}
	return &keySet{keys: keys, algorithms: is.algorithms(meta), meta: meta}, skipped, maxAge, nil
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
	if entry := is.entries[0]; entry.KeysURL != "" || entry.KeysFile != "" {
		return &metadata{keysURL: entry.KeysURL}, nil
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
	meta.algorithms = texts(doc["id_token_signing_alg_values_supported"])
	// RFC 8414 section 2. It gets our secret, so the same rules hold as for the keys; without it there are keys all the same.
	if endpoint, _ := doc["introspection_endpoint"].(string); is.checkKeysURL(endpoint) == nil {
		meta.introspect = endpoint
		meta.introspectBy = texts(doc["introspection_endpoint_auth_methods_supported"])
	}
	return meta, nil
}

// texts returns the strings of an array.
func texts(v any) []string {
	list, _ := v.([]any)
	var texts []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
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
	if err := is.authorize(req); err != nil {
		return nil, 0, err
	}
	body, header, err := read(is.client, req)
	if err != nil {
		return nil, 0, err
	}
	return body, cacheMaxAge(header.Get("Cache-Control")), nil
}

// authorize adds the token that some issuers, such as Kubernetes clusters, want to see before they show their keys. It is
// read each time, because others renew the file. It goes to the issuer and to the configured address of its keys, never
// to an address that only a document names.
func (is *issuer) authorize(req *http.Request) error {
	entry := is.entries[0]
	if entry.BearerTokenFile == "" || !sameOrigin(req.URL, is.name) && !sameOrigin(req.URL, entry.KeysURL) {
		return nil
	}
	token, err := auth.ReadConfigFile(entry.BearerTokenFile)
	if err != nil {
		return fmt.Errorf("bearer_token_file: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return nil
}

// sameOrigin reports whether u has the scheme and host of address.
func sameOrigin(u *url.URL, address string) bool {
	a, err := url.Parse(address)
	return err == nil && a.Host != "" && u.Scheme == a.Scheme && strings.EqualFold(u.Host, a.Host)
}

// read sends req and reads a small JSON document.
func read(client *http.Client, req *http.Request) ([]byte, http.Header, error) {
	req.Header.Set("Accept", "application/json")
	address := req.URL.Redacted()
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read only
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s %s: status %d", req.Method, address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", req.Method, address, err)
	}
	if len(body) > maxBody {
		return nil, nil, fmt.Errorf("%s %s: more than %d bytes", req.Method, address, maxBody)
	}
	return body, resp.Header, nil
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
