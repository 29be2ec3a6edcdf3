package auth_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
)

// operatorsPage is what operators read; the tests here keep it true to the code.
const operatorsPage = "../docs/authentication.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(operatorsPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocumentedIssuers loads every example of an issuer; an unknown field would be a mistake of the page.
func TestDocumentedIssuers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	entry := regexp.MustCompile(`(?m)(?:^ {4,}\{"issuer".*\n)(?:^ {4,}\S.*\n)*`)
	placeholder := regexp.MustCompile(`<[^>]*>`)
	path := regexp.MustCompile(`"(/var/run|/run)/[^"]*"`)
	examples := entry.FindAllString(readPage(t), -1)
	if len(examples) < 8 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, example := range examples {
		list, _, _ := strings.Cut(strings.TrimSpace(example), "]\n    }'") // the end of a whole variable
		list = path.ReplaceAllString(placeholder.ReplaceAllString(list, "x"), `"`+file+`"`)
		_, warnings, err := auth.LoadConfig(env(auth.EnvOIDCConfig, `{"issuers": [`+list+`]}`))
		if err != nil {
			t.Errorf("%s\n%v", example, err)
		}
		for _, w := range warnings {
			if strings.Contains(w, "unknown") {
				t.Errorf("%s\n%s", example, w)
			}
		}
	}
}

// TestDocumentedFields: whatever can be configured is on the page.
func TestDocumentedFields(t *testing.T) {
	page := readPage(t)
	sources, err := filepath.Glob("config*.go")
	if err != nil || len(sources) < 8 {
		t.Fatal(sources, err)
	}
	member := regexp.MustCompile(`\b(?:o|in)\.(?:text|texts|number|flag|required|claim|time|networks|roles|take)\("(\w+)"|seconds\("(\w+)"`)
	variable := regexp.MustCompile(`"(MICROMEGAS_\w+)"`)
	found := 0
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []*regexp.Regexp{member, variable} {
			for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
				name := strings.Join(m[1:], "")
				found++
				if name != "when" && !strings.Contains(page, name) { // when is refused
					t.Errorf("%s: %s is not in %s", source, name, operatorsPage)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d names found in the sources", found)
	}
}
