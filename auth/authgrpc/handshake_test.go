package authgrpc

import (
	"encoding/base64"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
)

func TestB39BasicPassword(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for name, tc := range map[string]struct {
		value, password string
		ok              bool
	}{
		"padded":             {"Basic " + encode([]byte("u:pw")), "pw", true},
		"not padded":         {"basic " + base64.RawStdEncoding.EncodeToString([]byte("u:pw")), "pw", true},
		"several blanks":     {"BASIC   " + encode([]byte("u:pw")), "pw", true},
		"no user":            {"Basic " + encode([]byte(":pw")), "pw", true},
		"colons in password": {"Basic " + encode([]byte("u:a:b")), "a:b", true},
		"no password":        {"Basic " + encode([]byte("u:")), "", true},
		"no colon":           {"Basic " + encode([]byte("u")), "", false},
		"no base64":          {"Basic %%", "", false},
		"nothing":            {"Basic ", "", false},
		"another scheme":     {"Basically " + encode([]byte("u:pw")), "", false},
		"a bearer":           {"Bearer " + encode([]byte("u:pw")), "", false},
	} {
		password, ok := basicPassword(tc.value)
		if string(password) != tc.password || ok != tc.ok {
			t.Errorf("%s: %q, %v", name, string(password), ok)
		}
	}
}

func FuzzBasicPassword(f *testing.F) {
	for _, s := range []string{"Basic dTpw", "basic dTpw==", "Basic", "Basic \xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		password, ok := basicPassword(value)
		if !ok && password != auth.Secret("") {
			t.Error("a password of what is none")
		}
	})
}
