package authtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// DefaultAudience is the audience of tokens when a test does not say otherwise.
const DefaultAudience = "micromegas-test"

// Client credentials that the token endpoint accepts.
const (
	ClientID     = "service"
	ClientSecret = "service-secret"
)

// Issuer is an OpenID Connect provider on a loopback listener.
type Issuer struct {
	Clock    *Clock // of the tokens it signs
	Audience string // of the tokens it signs

	server *httptest.Server

	mu        sync.Mutex
	keys      []*Key // published; the last one signs
	made      int    // keys made so far
	behaviour Behaviour
	discovery int
	keySets   int
	tokens    int

	opaque         int                       // opaque tokens made so far
	known          map[string]map[string]any // answers about tokens
	introspections int
}

// Behaviour is what an issuer does beside the right thing. The zero value is the right thing.
type Behaviour struct {
	Status        int           // answer everything with this status: an outage
	KeysStatus    int           // answer requests for keys with this status
	Redirect      string        // answer with a redirect to this address
	Wait          chan struct{} // answer only when this is closed, or the client has left
	ExtraBytes    int           // pad answers to more than this many bytes
	Issuer        string        // what discovery calls itself
	KeysURL       string        // what discovery says is the address of the keys
	Algorithms    []string      // what discovery announces; nil means those of the published keys
	DiscoveryBody string        // the whole answer of discovery
	KeysBody      string        // the whole answer with the keys
	CacheControl  string        // of the answer with the keys

	RequireBearer       string // discovery and keys want to see this bearer token
	IntrospectionStatus int    // answer questions about tokens with this status
	IntrospectionBody   string // the whole answer to them
	IntrospectionAuth   string // announced, and the only way of showing the client's secret that is accepted
}

// New starts an issuer with one RS256 key and the machine's clock; it stops when tb ends.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	i := Start()
	tb.Cleanup(i.Close)
	return i
}

// Start is [New] for programs; call [Issuer.Close].
func Start() *Issuer {
	i := &Issuer{Clock: &Clock{}, Audience: DefaultAudience}
	i.Rotate("RS256")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serveDiscovery)
	mux.HandleFunc("GET /keys", i.serveKeys)
	mux.HandleFunc("POST /token", i.serveToken)
	mux.HandleFunc("POST /introspect", i.serveIntrospection)
	i.server = httptest.NewServer(mux)
	return i
}

// Close stops the issuer.
func (i *Issuer) Close() { i.server.Close() }

// URL returns the issuer's name, as it stands in iss.
func (i *Issuer) URL() string { return i.server.URL }

// TokenEndpoint returns where client credentials are exchanged for an access token.
func (i *Issuer) TokenEndpoint() string { return i.server.URL + "/token" }

// Config returns a value for MICROMEGAS_OIDC_CONFIG that accepts this issuer's tokens.
func (i *Issuer) Config() string {
	return fmt.Sprintf(`{"issuers": [{"issuer": %q, "audience": %q}]}`, i.URL(), i.Audience)
}

// Behave makes the issuer behave as b says from now on.
func (i *Issuer) Behave(b Behaviour) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.behaviour = b
}

// Key returns the key that signs.
func (i *Issuer) Key() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Rotate replaces all published keys by a new one for alg, and returns it.
func (i *Issuer) Rotate(alg string) *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	k := NewKey(alg, "key-"+strconv.Itoa(i.made), i.made)
	i.keys = []*Key{k}
	return k
}

// Publish replaces the published keys; the last one signs.
func (i *Issuer) Publish(keys ...*Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = slices.Clone(keys)
}

// Requests returns how many times discovery and the keys were asked for.
func (i *Issuer) Requests() (discovery, keys int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.discovery, i.keySets
}

// TokenRequests returns how many times the token endpoint was asked.
func (i *Issuer) TokenRequests() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tokens
}

func (i *Issuer) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.discovery++
	b := i.behaviour
	algorithms := b.Algorithms
	if algorithms == nil {
		for _, k := range i.keys {
			algorithms = append(algorithms, k.Algorithm)
		}
	}
	i.mu.Unlock()
	name, keysURL := i.URL(), i.URL()+"/keys"
	if b.Issuer != "" {
		name = b.Issuer
	}
	if b.KeysURL != "" {
		keysURL = b.KeysURL
	}
	doc := map[string]any{
		"issuer":                                name,
		"authorization_endpoint":                i.URL() + "/authorize",
		"token_endpoint":                        i.TokenEndpoint(),
		"jwks_uri":                              keysURL,
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": algorithms,
		"introspection_endpoint":                i.IntrospectionEndpoint(),
	}
	if b.IntrospectionAuth != "" {
		doc["introspection_endpoint_auth_methods_supported"] = []string{b.IntrospectionAuth}
	}
	i.answer(w, r, b, b.refuses(r, b.Status), b.DiscoveryBody, doc)
}

// refuses returns 401 for a request without the bearer token that b wants to see, else code.
func (b Behaviour) refuses(r *http.Request, code int) int {
	if b.RequireBearer != "" && r.Header.Get("Authorization") != "Bearer "+b.RequireBearer {
		return http.StatusUnauthorized
	}
	return code
}

func (i *Issuer) serveKeys(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.keySets++
	b := i.behaviour
	keys := []map[string]any{}
	for _, k := range i.keys {
		keys = append(keys, k.JWK())
	}
	i.mu.Unlock()
	if b.CacheControl != "" {
		w.Header().Set("Cache-Control", b.CacheControl)
	}
	i.answer(w, r, b, b.refuses(r, max(b.Status, b.KeysStatus)), b.KeysBody, map[string]any{"keys": keys})
}

// answer writes v as JSON, or what b wants instead.
func (i *Issuer) answer(w http.ResponseWriter, r *http.Request, b Behaviour, code int, body string, v any) {
	if b.Wait != nil {
		select {
		case <-b.Wait:
		case <-r.Context().Done():
			return
		}
	}
	if b.Redirect != "" {
		http.Redirect(w, r, b.Redirect, http.StatusFound)
		return
	}
	if code != 0 {
		http.Error(w, "the issuer is out of order", code)
		return
	}
	if doc, ok := v.(map[string]any); ok && b.ExtraBytes > 0 {
		doc["padding"] = strings.Repeat("x", b.ExtraBytes)
	}
	if body == "" {
		data, err := json.Marshal(v)
		must(err)
		body = string(data)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body)) // the client may have left
}

// serveToken implements the client credentials grant (RFC 6749 section 4.4).
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.tokens++
	b := i.behaviour
	i.mu.Unlock()
	if b.Status != 0 {
		http.Error(w, "the issuer is out of order", b.Status)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	refuse := func(code int, reason string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"error": %q}`, reason) // the client may have left
	}
	switch {
	case r.PostFormValue("grant_type") != "client_credentials":
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	case r.PostFormValue("client_id") != ClientID, r.PostFormValue("client_secret") != ClientSecret:
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	claims := Claims{"sub": ClientID, "client_id": ClientID}
	if a := r.PostFormValue("audience"); a != "" {
		claims["aud"] = a
	}
	token, err := i.sign(claims)
	if err != nil {
		refuse(http.StatusInternalServerError, "server_error")
		return
	}
	i.answer(w, r, Behaviour{}, 0, "", map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
}
