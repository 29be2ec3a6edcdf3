package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/storedkey"
)

// keysProgram runs `micromegas keys …` on one catalog.
type keysProgram struct {
	*testing.T
	dir string
	env []string
}

func newKeysProgram(t *testing.T) *keysProgram {
	t.Helper()
	return &keysProgram{T: t, dir: filepath.Join(t.TempDir(), "lake")}
}

func (p *keysProgram) try(stdin string, args ...string) (stdout, stderr string, ok bool) {
	p.Helper()
	cmd := program(p.T, append([]string{"keys"}, args...)...)
	cmd.Env = append(append(cmd.Env, "MICROMEGAS_DATA_DIR="+p.dir), p.env...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		p.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode() == 0
}

func (p *keysProgram) run(stdin string, args ...string) (stdout, stderr string) {
	p.Helper()
	stdout, stderr, ok := p.try(stdin, args...)
	if !ok {
		p.Fatalf("keys %q failed: %s", args, stderr)
	}
	return stdout, stderr
}

func (p *keysProgram) list(args ...string) []map[string]any {
	p.Helper()
	stdout, _ := p.run("", append([]string{"list", "--json"}, args...)...)
	var list []map[string]any
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		p.Fatal(err)
	}
	return list
}

var mintedKey = regexp.MustCompile(`^mmk_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}\n$`)

func TestB29Keys(t *testing.T) {
	p := newKeysProgram(t)
	text, stderr := p.run("", "create", "--role=ingestion", "build farm", "--expires", "90d", "--allow-cidr", "10.0.0.0/8,192.0.2.1")
	if !mintedKey.MatchString(text) || !strings.Contains(stderr, `"build farm", roles writer, until `) || strings.Contains(stderr, strings.TrimSpace(text)) {
		t.Fatalf("create printed a key of %d bytes, and %q", len(text), stderr)
	}
	list := p.list()
	if len(list) != 1 || list[0]["name"] != "build farm" || list[0]["key"] != nil || len(list[0]["allowed_cidrs"].([]any)) != 2 {
		t.Fatalf("list = %v", list)
	}
	if end, err := time.Parse(time.RFC3339, list[0]["expires_at"].(string)); err != nil || time.Until(end).Round(24*time.Hour) != 90*24*time.Hour {
		t.Errorf("expires at %v", list[0]["expires_at"])
	}
	oldID := list[0]["key_id"].(string)

	// Rotation: two live keys of one name, until the old one is revoked by its id.
	successor, stderr := p.run("", "rotate", "build farm")
	if !mintedKey.MatchString(successor) || successor == text || !strings.Contains(stderr, "keys revoke "+oldID) {
		t.Errorf("rotate printed %q", stderr)
	}
	if list := p.list(); len(list) != 2 || list[0]["name"] != "build farm" || list[0]["roles"].([]any)[0] != "writer" {
		t.Errorf("after the rotation: %v", list)
	}
	if _, stderr, ok := p.try("", "revoke", "build farm"); ok || !strings.Contains(stderr, "2 live keys have the name") || !strings.Contains(stderr, oldID) {
		t.Errorf("revoke of an ambiguous name: %v, %q", ok, stderr)
	}
	first, _ := p.run("", "revoke", oldID, "--json")
	second, _ := p.run("", "revoke", oldID, "--json")
	if first != second || !strings.Contains(first, `"revoked_by": "cli:`) {
		t.Errorf("revoke = %s, again %s", first, second)
	}
	if list := p.list(); len(list) != 1 {
		t.Errorf("live after the revocation: %v", list)
	}
	if table, _ := p.run("", "list", "--all"); strings.Count(table, "build farm") != 2 || !strings.Contains(table, "revoked 20") {
		t.Errorf("table:\n%s", table)
	}
	if stdout, _ := p.run("", "rotate", "build farm", "--overlap=1h", "--json"); !strings.Contains(stdout, `"replaces"`) || !strings.Contains(stdout, `"mmk_`) {
		t.Errorf("rotate --json printed no key")
	}
	if list := p.list("--all"); len(list) != 3 {
		t.Errorf("%d keys", len(list))
	}
	if _, stderr, ok := p.try("", "rotate", oldID); ok || !strings.Contains(stderr, "revoked") {
		t.Errorf("rotate of a revoked key: %v, %q", ok, stderr)
	}
}

func TestB27KeysImportAndHash(t *testing.T) {
	p := newKeysProgram(t)
	const secret = "a-key-that-was-made-elsewhere"
	hash, _ := p.run(secret+"\n", "hash")
	if strings.TrimSpace(hash) != auth.HashKey(secret) {
		t.Errorf("hash = %q", hash)
	}
	stdout, stderr := p.run(secret+"\n", "import", "elsewhere", "--role=both", "--may-delegate")
	if !strings.HasPrefix(stdout, "imported: ") || strings.Contains(stdout+stderr, secret) {
		t.Errorf("import printed %q, %q", stdout, stderr)
	}
	if stdout, _ := p.run(secret, "import", "again", "--role=both"); !strings.Contains(stdout, `left as it was: `) || !strings.Contains(stdout, `"elsewhere"`) {
		t.Errorf("import again printed %q", stdout)
	}
	mistyped := string(storedkey.Mint()[:52]) + "-"
	if _, stderr, ok := p.try(mistyped, "import", "typo", "--role=both"); ok || !strings.Contains(stderr, "checksum") || strings.Contains(stderr, mistyped) {
		t.Errorf("import of a mistyped key: %v, %q", ok, stderr)
	}

	p.env = []string{`MICROMEGAS_API_KEYS=[{"name":"one","key":"0123456789abcdefg"},{"name":"two","sha256":"` + auth.HashKey("another-key-of-the-env") +
		`","roles":["reader"]},{"name":"three","key":"` + secret + `"}]`}
	stdout, _ = p.run("", "import", "--from-env")
	if strings.Count(stdout, "imported: ") != 2 || strings.Count(stdout, "left as it was: ") != 1 {
		t.Errorf("import --from-env printed %q", stdout)
	}
	list := p.list()
	if len(list) != 3 || list[0]["name"] != "two" || len(list[0]["roles"].([]any)) != 1 || list[1]["may_delegate"] != true {
		t.Errorf("list = %v", list)
	}
}

func TestKeysMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no command":        {"", nil, "which command?"},
		"unknown":           {"", []string{"make"}, `there is no command "make"`},
		"no catalog":        {"", []string{"list"}, "there is no catalog at "},
		"no role":           {"", []string{"create", "x"}, "--role is missing"},
		"unknown role":      {"", []string{"create", "x", "--role=root"}, `"root" is none of ingestion`},
		"no name":           {"", []string{"create", "--role=both"}, "give one name, not 0"},
		"empty name":        {"", []string{"create", "--role=both", " "}, "name: must not be empty"},
		"expired":           {"", []string{"create", "x", "--role=both", "--expires=2020-01-01"}, "has passed already"},
		"no time":           {"", []string{"create", "x", "--role=both", "--expires=soon"}, `--expires: "soon" is no time`},
		"days of nothing":   {"", []string{"create", "x", "--role=both", "--expires=-1d"}, "is no time"},
		"no network":        {"", []string{"create", "x", "--role=both", "--allow-cidr=10.0.0.1/8"}, "--allow-cidr[0]: must be a network"},
		"unknown flag":      {"", []string{"create", "--rolle=both"}, "--rolle is not a flag; is --role meant?; see micromegas keys create --help"},
		"unknown key":       {"", []string{"revoke", "nobody"}, "there is no catalog"},
		"a key as argument": {"", []string{"hash", "0123456789abcdef"}, "takes no arguments"},
		"nothing on stdin":  {"\n", []string{"hash"}, "there is no key on stdin"},
		"two lines":         {"a\nb\n", []string{"hash"}, "line break"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newKeysProgram(t)
			_, stderr, ok := p.try(tc.stdin, tc.args...)
			if ok || !strings.Contains(stderr, tc.want) {
				t.Errorf("keys %q: %v, %q; want %q", tc.args, ok, stderr, tc.want)
			}
		})
	}
	p := newKeysProgram(t)
	for _, args := range [][]string{{"--help"}, {"create", "--help"}, {"revoke", "-h"}} {
		if stdout, _ := p.run("", args...); !strings.Contains(stdout, "Usage: micromegas keys ") {
			t.Errorf("keys %q printed %q", args, stdout)
		}
	}
}
