package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/auth/storedkey"
)

// doctorProgram runs `micromegas doctor …`.
func doctorProgram(t *testing.T, stdin string, env []string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	cmd := program(t, append([]string{"doctor"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestB36Doctor(t *testing.T) {
	issuer := authtest.New(t)
	oidc := []string{auth.EnvOIDCConfig + "=" + issuer.Config()}
	good := issuer.Sign(t, authtest.Claims{"sub": "alice", "email": "alice@example.com", "email_verified": true})
	file := filepath.Join(t.TempDir(), "oidc.json")
	if err := os.WriteFile(file, []byte(issuer.Config()), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(tokens, []byte(`{"issuer": "`+issuer.URL()+`", "token": {"id_token": "`+good+`", "refresh_token": "r"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		stdin          string
		env            []string
		args           []string
		exit           int
		stdout, stderr string
	}{
		"healthy":             {"", oidc, []string{"auth"}, 0, "healthy", ""},
		"B33 from a file":     {"", []string{auth.EnvFile(auth.EnvOIDCConfig) + "=" + file}, []string{"auth"}, 0, "issuer " + issuer.URL(), ""},
		"A13 mistake":         {"", []string{auth.EnvOIDCConfig + `={"issuers": 1}`}, []string{"auth"}, 1, "MICROMEGAS_OIDC_CONFIG: issuers must be an array", "to mend"},
		"A85 no such host":    {"", []string{auth.EnvOIDCConfig + `={"issuers": [{"issuer": "https://issuer.invalid", "audience": "a"}]}`}, []string{"auth", "--timeout", "3s"}, 1, "does not resolve", "to mend"},
		"good token":          {good + "\n", oidc, []string{"auth", "--token", "-"}, 0, "accepted", ""},
		"token file":          {"", oidc, []string{"auth", "--token", tokens}, 0, "there is a refresh token", ""},
		"administrator":       {good, append([]string{auth.EnvAdmins + `=["alice@example.com"]`}, oidc...), []string{"auth", "--token", "-"}, 0, `"alice@example.com" of MICROMEGAS_ADMINS`, ""},
		"key":                 {key, nil, []string{"auth", "--token=-"}, 0, `named "k"`, ""},
		"garbage":             {"garbage", oidc, []string{"auth", "--token=-"}, 1, "not a JWT", "to mend"},
		"proxies":             {"", nil, []string{"auth", "--trusted-proxies", "10.0.0.1/8"}, 1, "MICROMEGAS_TRUSTED_PROXIES", ""},
		"disabled":            {"", nil, []string{"auth", "--disable-auth"}, 0, "--disable-auth", ""},
		"help":                {"", nil, []string{"--help"}, 0, "Exit status: 0", ""},
		"auth help":           {"", nil, []string{"auth", "--help"}, 0, "  --offline", ""},
		"of nothing":          {"", nil, nil, 2, "", "micromegas doctor auth"},
		"of something":        {"", nil, []string{"db"}, 2, "", `"db"`},
		"unknown flag":        {"", nil, []string{"auth", "--nope=eyJsecret"}, 2, "", "--nope is not a flag"},
		"A127 token argument": {"", nil, []string{"auth", "eyJsecret"}, 2, "", "seen by everybody"},
		"A127 token value":    {"", nil, []string{"auth", "--token", "eyJsecret"}, 2, "", "never the token itself"},
		"no token":            {"", nil, []string{"auth", "--token", "-"}, 2, "", "no credential"},
		"timeout":             {"", nil, []string{"auth", "--timeout", "eyJsecret"}, 2, "", "the value of --timeout is wrong"},
		"client":              {"", nil, []string{"auth", "--client", "eyJsecret"}, 2, "", "IP address"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, exit := doctorProgram(t, tc.stdin, tc.env, tc.args...)
			if exit != tc.exit || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("exit %d, want %d\n%s%s", exit, tc.exit, stdout, stderr)
			}
			for _, secret := range []string{good, key, "eyJsecret"} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("a secret is shown") // A127
				}
			}
		})
	}
}

func TestB36DoctorJSON(t *testing.T) {
	issuer := authtest.New(t)
	stdout, _, exit := doctorProgram(t, issuer.Sign(t, authtest.Claims{"aud": "theirs"}), []string{auth.EnvOIDCConfig + "=" + issuer.Config()},
		"auth", "--json", "--token", "-")
	var report struct {
		Healthy  bool
		Problems int
		Token    struct {
			Failed string
			Steps  []struct{ ID, Result, Requirement string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if exit != 1 || report.Healthy || report.Problems != 1 || report.Token.Failed != "audience" || len(report.Token.Steps) < 20 {
		t.Errorf("exit %d, report %+v", exit, report)
	}
}

// A stored key, its revocation and its misspelling, with the catalog of the servers.
func TestB36DoctorStoredKeys(t *testing.T) {
	p := newKeysProgram(t)
	text, _ := p.run("", "create", "--role=ingestion", "build farm")
	env := []string{"MICROMEGAS_DATA_DIR=" + p.dir}
	ask := func(token string, want int, words ...string) {
		t.Helper()
		stdout, stderr, exit := doctorProgram(t, token, env, "auth", "--offline", "--token=-")
		for _, w := range words {
			if !strings.Contains(stdout, w) {
				t.Errorf("no %q", w)
			}
		}
		if exit != want || strings.Contains(stdout, strings.TrimSpace(token)) || t.Failed() {
			t.Errorf("exit %d, want %d\n%s%s", exit, want, stdout, stderr)
		}
	}
	ask(text, 0, "accepted", "as build farm", "1 key that may be used", "no        analytics")
	ask(string(storedkey.Mint()), 1, "no such stored API key")
	ask("mmk_"+strings.Repeat("A", 49), 1, "wrong checksum")
	if used := p.list()[0]["last_used_at"]; used != nil {
		t.Errorf("the doctor counted as a use, at %v", used)
	}
	p.run("", "revoke", "build farm")
	ask(text, 1, "is revoked")
}
