package diagnose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

// ReadCredential finds the credential in text: a token or key alone, as it stands in an Authorization header, or in the
// token file of the clients, of which it returns what can be seen there (A102, A103). mode is that of the file; 0 when
// there is none.
func ReadCredential(text []byte, mode fs.FileMode, now time.Time) (auth.Secret, []Check, error) {
	var s Section
	trimmed := strings.TrimSpace(string(text))
	if strings.HasPrefix(trimmed, "{") {
		return readTokenFile([]byte(trimmed), mode, now)
	}
	if rest, ok := cutPrefixFold(trimmed, "authorization:"); ok {
		trimmed = strings.TrimSpace(rest)
	}
	if rest, ok := cutPrefixFold(trimmed, "bearer "); ok {
		trimmed = strings.TrimSpace(rest)
	}
	if trimmed == "" {
		return "", nil, errors.New("there is no credential")
	}
	for _, q := range []string{`"`, "'"} {
		if strings.HasPrefix(trimmed, q) && strings.HasSuffix(trimmed, q) && len(trimmed) > 2 {
			s.add(Warning, "quotes", "send it without", "the text is in quotes; servers take them for a part of it")
		}
	}
	return auth.Secret(trimmed), s.Checks, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// tokenFile is what the clients keep.
type tokenFile struct {
	Issuer string `json:"issuer"`
	Client string `json:"client_id"`
	Token  struct {
		ID      auth.Secret `json:"id_token"`
		Refresh auth.Secret `json:"refresh_token"`
		Expires float64     `json:"expires_at"`
	} `json:"token"`
}

func readTokenFile(text []byte, mode fs.FileMode, now time.Time) (auth.Secret, []Check, error) {
	var f tokenFile
	if err := json.Unmarshal(text, &f); err != nil {
		return "", nil, errors.New("neither a credential nor the clients' token file: it begins like JSON and is none")
	}
	if f.Token.ID == "" {
		return "", nil, errors.New(`the token file has no "token" with an "id_token", which is what clients send; log out (micromegas_logout) and in again`)
	}
	var s Section
	d := doctor{Options: Options{Now: func() time.Time { return now }}}
	s.add(OK, "token file", "", "issuer %s, client %s", auth.Printable(f.Issuer), auth.Printable(f.Client))
	if mode.Perm()&0o077 != 0 {
		s.add(Problem, "permissions", "chmod 600", "others may read the file (mode %v)", fmt.Sprintf("%#o", mode.Perm()))
	}
	if f.Token.Expires > 0 {
		s.add(Note, "expires_at", "", "%s", d.when(time.Unix(int64(f.Token.Expires), 0)))
	}
	if f.Token.Refresh == "" {
		s.add(Warning, "refresh", "allow offline_access (refresh tokens) for the client at the issuer, then log in again", "there is no refresh token: the browser opens at each expiry")
	} else {
		s.add(OK, "refresh", "", "there is a refresh token")
	}
	if v := viewOf(f.Token.ID); v.form == formSigned && v.issuer() != f.Issuer {
		s.add(Warning, "issuer", "log in again", "the token is of %q, the file of %q", auth.Printable(v.issuer()), auth.Printable(f.Issuer))
	}
	return f.Token.ID, s.Checks, nil
}
