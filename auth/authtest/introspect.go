package authtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// IntrospectionEndpoint returns where the issuer answers questions about tokens (RFC 7662).
func (i *Issuer) IntrospectionEndpoint() string { return i.server.URL + "/introspect" }

// Opaque returns an opaque access token. The issuer knows it until it is revoked, and says claims about it; what is missing
// of iss, aud, sub, client_id, iat and exp gets a good value, [Omit] leaves it out.
func (i *Issuer) Opaque(claims Claims) string {
	now := i.Clock.Now()
	answer := map[string]any{
		"active": true, "iss": i.URL(), "aud": i.Audience, "sub": "alice", "client_id": ClientID, "token_type": "Bearer",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	merge(answer, claims)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.opaque++
	token := "opaque-" + strconv.Itoa(i.opaque)
	i.know(token, answer)
	return token
}

// Know makes the issuer answer claims, which are not completed, when it is asked about token.
func (i *Issuer) Know(token string, claims Claims) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.know(token, maps.Clone(claims))
}

// know needs i.mu.
func (i *Issuer) know(token string, answer map[string]any) {
	if i.known == nil {
		i.known = make(map[string]map[string]any)
	}
	i.known[token] = answer
}

// Revoke makes the issuer call token inactive.
func (i *Issuer) Revoke(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.known, token)
}

// Introspections returns how many questions about tokens there were.
func (i *Issuer) Introspections() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.introspections
}

// IntrospectionConfig returns a value for MICROMEGAS_OIDC_CONFIG that accepts this issuer's tokens and asks about them;
// members are added to introspection, in JSON and with a comma in front.
func (i *Issuer) IntrospectionConfig(members string) string {
	return fmt.Sprintf(`{"issuers": [{"issuer": %q, "audience": %q, "introspection": {"client_id": %q, "client_secret": %q%s}}]}`,
		i.URL(), i.Audience, ClientID, ClientSecret, members)
}

func (i *Issuer) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	token := r.PostFormValue("token")
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	i.mu.Lock()
	i.introspections++
	b := i.behaviour
	answer, ok := i.known[token]
	data, err := json.Marshal(answer)
	i.mu.Unlock()
	must(err)
	switch {
	case id != ClientID || secret != ClientSecret || b.IntrospectionAuth == "client_secret_post" && basic ||
		b.IntrospectionAuth == "client_secret_basic" && !basic:
		http.Error(w, `{"error": "invalid_client"}`, http.StatusUnauthorized)
		return
	case !ok:
		data = []byte(`{"active": false}`)
	}
	i.answer(w, r, b, max(b.Status, b.IntrospectionStatus), b.IntrospectionBody, json.RawMessage(data))
}
