package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/strictjson"
)

// form is what a credential looks like.
type form string

const (
	formSigned    form = "signed token (JWT)"
	formEncrypted form = "encrypted token (JWE)"
	formMinted    form = "stored API key (mmk_…)"
	formGoogle    form = "Google access token (opaque)"
	formOpaque    form = "API key or opaque token"
)

// view is what a token says about itself. Nothing of it is verified, and nothing here decides.
type view struct {
	form   form
	header map[string]any // nil when unreadable
	claims map[string]any // likewise
}

func viewOf(token auth.Secret) view {
	text := string(token)
	parts := strings.Split(text, ".")
	switch {
	case strings.HasPrefix(text, "mmk_"):
		return view{form: formMinted}
	case strings.HasPrefix(text, "ya29."):
		return view{form: formGoogle}
	case len(parts) == 5:
		return view{form: formEncrypted, header: object(parts[0])}
	case len(parts) == 3:
		return view{form: formSigned, header: object(parts[0]), claims: object(parts[1])}
	}
	return view{form: formOpaque}
}

// object reads a part of a token; nil when it can't.
func object(part string) map[string]any {
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return nil
	}
	o, err := strictjson.Object(data, 16)
	if err != nil {
		return nil
	}
	return o
}

func (v view) issuer() string {
	if v.form == formEncrypted { // Auth0 names it in the header
		return textOf(v.header["iss"])
	}
	return textOf(v.claims["iss"])
}

func (v view) algorithm() string { return textOf(v.header["alg"]) }

func (v view) audiences() []string {
	switch aud := v.claims["aud"].(type) {
	case string:
		return []string{aud}
	case []any:
		var list []string
		for _, a := range aud {
			list = append(list, textOf(a))
		}
		return list
	}
	return nil
}

// date returns a claim that is a time; zero when it is none.
func (v view) date(name string) time.Time {
	n, ok := v.claims[name].(json.Number)
	if !ok {
		return time.Time{}
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || f < 0 || f > 253402300799 {
		return time.Time{}
	}
	return time.Unix(int64(f), 0)
}

// headerType reports whether the header has a type that no login has.
func (v view) headerType() bool {
	typ, ok := v.header["typ"]
	return ok && !slices.Contains([]string{"jwt", "at+jwt", "application/at+jwt"}, strings.ToLower(textOf(typ)))
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// Claim is something that a token says about itself, unverified.
type Claim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// shown lists what an operator needs of a token: no name beyond these.
func (d *doctor) shown(v view) []Claim {
	var list []Claim
	add := func(name, value string) {
		if value != "" {
			list = append(list, Claim{Name: name, Value: auth.Printable(value)})
		}
	}
	for _, name := range []string{"alg", "enc", "kid", "typ"} {
		add(name, textOf(v.header[name]))
	}
	add("iss", v.issuer())
	add("aud", strings.Join(v.audiences(), ", "))
	for _, name := range []string{"azp", "sub", "email"} {
		add(name, textOf(v.claims[name]))
	}
	if verified, ok := v.claims["email_verified"]; ok {
		add("email_verified", fmt.Sprint(verified))
	}
	for _, name := range []string{"iat", "nbf", "exp"} {
		if t := v.date(name); !t.IsZero() {
			add(name, d.when(t))
		}
	}
	return list
}
