package sink

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer limits what is read of a provider's answer.
const maxAnswer = 1 << 20

// maxLife limits what a provider says about a token's life.
const maxLife = 30 * 24 * time.Hour

// token is an access token and how long it is good for.
type token struct {
	token secret
	life  time.Duration
}

// ask gets a token. Nothing of an answer's body gets into an error but the code of an OAuth error, and nothing of the
// request.
func (d *OIDCClientCredentialsDecorator) ask(ctx context.Context) (token, error) {
	endpoint, err := d.endpoint(ctx)
	if err != nil {
		return token{}, err
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {d.config.ClientID}, "client_secret": {d.config.ClientSecret},
	}
	if d.config.Audience != "" {
		form.Set("audience", d.config.Audience)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, &CredentialError{Err: errors.New("the token endpoint is no URL"), Refused: true}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := d.answer(req, "token endpoint", EnvTokenEndpoint+", "+EnvClientID+" and "+EnvClientSecret)
	if err != nil {
		return token{}, err
	}
	var a struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   seconds `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.AccessToken == "" || !headerText(a.AccessToken) {
		return token{}, &CredentialError{Err: errors.New("the token endpoint answered without a usable access_token"), Refused: true}
	}
	t := token{token: secret(a.AccessToken), life: time.Duration(a.ExpiresIn)}
	if t.life <= 0 {
		t.life = lifeOf(a.AccessToken, d.now())
	}
	t.life = min(t.life, maxLife)
	return t, nil
}

// endpoint is where tokens are had: configured, or found in the issuer's discovery document (A141).
func (d *OIDCClientCredentialsDecorator) endpoint(ctx context.Context) (string, error) {
	if d.config.TokenEndpoint != "" {
		return d.config.TokenEndpoint, nil
	}
	issuer := strings.TrimRight(d.config.Issuer, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", &CredentialError{Err: errors.New("the issuer is no URL"), Refused: true}
	}
	body, err := d.answer(req, "issuer's discovery document", EnvIssuer)
	if err != nil {
		return "", err
	}
	var doc struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || checkProviderURL("token_endpoint", doc.TokenEndpoint) != nil {
		return "", &CredentialError{Err: fmt.Errorf("the discovery document of %s names no token_endpoint; check %s", issuer, EnvIssuer), Refused: true}
	}
	// The secret goes where the document says, so it must be the document of the issuer that was asked for
	// (OpenID Connect Discovery 1.0 section 4.3), and not less protected than the way to it.
	if strings.TrimRight(doc.Issuer, "/") != issuer {
		return "", &CredentialError{Err: fmt.Errorf("the discovery document of %s is about another issuer; check %s", issuer, EnvIssuer), Refused: true}
	}
	if strings.HasPrefix(issuer, "https:") && !strings.HasPrefix(doc.TokenEndpoint, "https:") {
		return "", &CredentialError{Err: fmt.Errorf("the token_endpoint of %s is not https", issuer), Refused: true}
	}
	return doc.TokenEndpoint, nil
}

// answer sends req and returns the body of a 200. what and variables are for errors.
func (d *OIDCClientCredentialsDecorator) answer(req *http.Request, what, variables string) ([]byte, error) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", defaultUserAgent)
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, &CredentialError{Err: fmt.Errorf("the %s can't be reached: %w", what, err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	code := resp.StatusCode
	switch {
	case code == http.StatusOK && err == nil:
		return body, nil
	case code == http.StatusOK:
		return nil, &CredentialError{Err: fmt.Errorf("the answer of the %s broke off: %w", what, err)}
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return nil, &CredentialError{
			Err: fmt.Errorf("the %s answers %s", what, resp.Status), RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		}
	case code >= 300 && code < 400:
		return nil, &CredentialError{Err: fmt.Errorf("the %s answers with a redirect, which is not followed; check %s", what, variables), Refused: true}
	default:
		return nil, &CredentialError{Err: fmt.Errorf("the %s answers %d%s; check %s", what, code, oauthError(body), variables), Refused: true}
	}
}

// oauthError is the code of an error answer (RFC 6749 section 5.2), which is a word of a short list.
func oauthError(body []byte) string {
	var e struct {
		Error string `json:"error"`
	}
	const longest = 40
	if json.Unmarshal(body, &e) != nil || e.Error == "" || len(e.Error) > longest ||
		strings.Trim(e.Error, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return " " + e.Error
}

// seconds is a number of seconds, which some providers send as text.
type seconds time.Duration

// UnmarshalJSON implements [json.Unmarshaler]. What is no number counts as not there.
func (s *seconds) UnmarshalJSON(data []byte) error {
	var n float64
	if err := json.Unmarshal([]byte(strings.Trim(string(data), `"`)), &n); err != nil || !(n > 0) {
		return nil //nolint:nilerr // then the token itself may say it
	}
	*s = seconds(min(n, maxLife.Seconds()) * float64(time.Second))
	return nil
}

// lifeOf is what is left of a JWT's life by its exp, which is not verified: it only says when to renew.
func lifeOf(jwt string, now time.Time) time.Duration {
	const parts = 3
	fields := strings.Split(jwt, ".")
	if len(fields) != parts {
		return unknownLife
	}
	body, err := base64.RawURLEncoding.DecodeString(fields[1])
	if err != nil {
		return unknownLife
	}
	var claims struct {
		Expiry float64 `json:"exp"`
	}
	if json.Unmarshal(body, &claims) != nil || !(claims.Expiry > 0) || claims.Expiry > 1<<40 {
		return unknownLife
	}
	if life := time.Unix(int64(claims.Expiry), 0).Sub(now); life > 0 {
		return life
	}
	return unknownLife
}
