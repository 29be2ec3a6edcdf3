package keyadmin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/apikey"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/keyadmin"
)

// The credentials of the tests' callers.
const (
	adminKey   = "admin-admin-admin"
	managerKey = "manager-manager-manager"
	plainKey   = "plain-plain-plain"
)

const (
	ingestionPath = "/api/ingestion-api-keys"
	analyticsPath = "/api/analytics-api-keys"
)

type fixture struct {
	*testing.T
	db      *catalog.DB
	keys    *keyadmin.Keys
	stored  *storedkey.Provider
	handler http.Handler
	log     bytes.Buffer
}

func newFixture(t *testing.T, chain *auth.Chain) *fixture {
	t.Helper()
	f := &fixture{T: t, db: open(t, filepath.Join(t.TempDir(), "catalog.db"))}
	f.serve(chain)
	return f
}

func (f *fixture) serve(chain *auth.Chain) {
	log := slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.keys = keyadmin.New(f.db, keyadmin.Options{Log: log})
	f.stored = storedkey.New(f.keys, storedkey.Options{})
	if chain == nil {
		chain = auth.NewChain(nil, apikey.New([]auth.APIKey{
			{Name: "root", Key: adminKey, Admin: true}, {Name: "mgr", Key: managerKey, Roles: auth.RoleKeyManager}, {Name: "plain", Key: plainKey},
		}), f.stored)
	}
	f.handler = keyadmin.Handler(f.keys, chain, authhttp.Options{Log: log}, http.NotFoundHandler())
}

type answer struct {
	*httptest.ResponseRecorder
	object map[string]any
	array  []map[string]any
}

func (f *fixture) do(method, path, key, body string) answer {
	f.Helper()
	r := httptest.NewRequestWithContext(f.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	a := answer{ResponseRecorder: httptest.NewRecorder()}
	f.handler.ServeHTTP(a, r)
	text := a.Body.Bytes()
	switch {
	case bytes.HasPrefix(text, []byte("[")):
		if err := json.Unmarshal(text, &a.array); err != nil {
			f.Fatal(err)
		}
	case bytes.HasPrefix(text, []byte("{")):
		if err := json.Unmarshal(text, &a.object); err != nil {
			f.Fatal(err)
		}
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if a.Header().Get(name) != want {
			f.Errorf("%s %s: %s is %q", method, path, name, a.Header().Get(name))
		}
	}
	if a.Header().Get("X-Request-Id") == "" {
		f.Errorf("%s %s: no request id", method, path)
	}
	return a
}

// want ends the test unless the answer has a status.
func (a answer) want(f *fixture, status int) answer {
	f.Helper()
	if a.Code != status {
		f.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	return a
}

func TestLifeOfAKey(t *testing.T) {
	for path, role := range map[string]string{ingestionPath: "writer", analyticsPath: "reader"} {
		t.Run(role, func(t *testing.T) {
			f := newFixture(t, nil)
			made := f.do("POST", path, adminKey, `{"name":"robot","allowed_cidrs":["192.0.2.0/24"],"expires_at":"2200-01-01T00:00:00Z"}`).want(f, 201).object
			text, _ := made["key"].(string)
			if len(text) != 53 || made["name"] != "robot" || made["created_by"] != "key:root" || made["roles"].([]any)[0] != role {
				t.Fatalf("POST = %v", made)
			}
			if audience, ok := made["audience"]; ok != (path == ingestionPath) || ok && audience != "public" {
				t.Errorf("audience %v", audience)
			}
			if _, err := time.Parse(time.RFC3339, made["created_at"].(string)); err != nil {
				t.Error(err)
			}
			check(t, f.stored, auth.Secret(text), nil)

			list := f.do("GET", path, adminKey, "").want(f, 200)
			if len(list.array) != 1 || list.array[0]["key_id"] != made["key_id"] || strings.Contains(list.Body.String(), text) {
				t.Errorf("GET = %s", list.Body)
			}
			for _, member := range []string{"last_used_at", "revoked_at", "revoked_by"} {
				if v, ok := list.array[0][member]; !ok || v != nil {
					t.Errorf("%s is %v, want null", member, v)
				}
			}
			one := path + "/" + made["key_id"].(string)
			if got := f.do("PATCH", one+"/allowlist", adminKey, `{"allowed_cidrs":["10.0.0.1","::ffff:192.0.2.0/120"]}`).want(f, 200); fmt.Sprint(got.object["allowed_cidrs"]) != "[10.0.0.1/32 192.0.2.0/24]" {
				t.Errorf("PATCH = %s", got.Body)
			}
			first := f.do("DELETE", one, adminKey, "").want(f, 200)
			second := f.do("DELETE", one, managerKey, "").want(f, 200)
			if first.Body.String() != second.Body.String() || len(first.object) != 1 || first.object["revoked_at"] == nil {
				t.Errorf("DELETE = %s, again %s", first.Body, second.Body)
			}
			f.stored.Poll(t.Context())
			check(t, f.stored, auth.Secret(text), storedkey.ErrRevoked)
			if got := f.do("GET", path+"?include_revoked=false", adminKey, "").want(f, 200); len(got.array) != 0 || strings.TrimSpace(got.Body.String()) != "[]" {
				t.Errorf("GET of live ones = %s", got.Body)
			}
			if got := f.do("GET", path, adminKey, "").want(f, 200); got.array[0]["revoked_by"] != "key:root" {
				t.Errorf("GET = %s", got.Body)
			}
			log := f.log.String()
			for _, want := range []string{`msg="API key created"`, `msg="API key revoked"`, `msg="API key restricted to networks"`, "by=key:root", "key_name=robot", "client_addr=192.0.2.7"} {
				if !strings.Contains(log, want) {
					t.Errorf("the log does not have %s", want)
				}
			}
			if strings.Contains(log, text) || strings.Contains(log, adminKey) {
				t.Error("the log has a key")
			}
		})
	}
}

// A key of one family is not there for the other.
func TestFamiliesAreSeparate(t *testing.T) {
	f := newFixture(t, nil)
	made := f.do("POST", ingestionPath, managerKey, `{"name":"w"}`).want(f, 201).object
	if got := f.do("GET", analyticsPath, managerKey, "").want(f, 200); len(got.array) != 0 {
		t.Errorf("GET = %s", got.Body)
	}
	f.do("DELETE", analyticsPath+"/"+made["key_id"].(string), managerKey, "").want(f, 404)
	text := auth.Secret(made["key"].(string))
	v, err := f.stored.Authenticate(t.Context(), text)
	if err != nil || v.Identity().Roles != auth.RoleWriter || v.Identity().MayDelegate || v.Identity().Admin {
		t.Errorf("identity %+v, %v", v, err)
	}
	body := fmt.Sprintf(`{"name":"again","key":%q}`, string(text))
	if got := f.do("POST", analyticsPath+"/import", managerKey, body).want(f, 409); got.object["code"] != "CONFLICT" {
		t.Errorf("import into the other family = %s", got.Body)
	}
	delegate := f.do("POST", analyticsPath, managerKey, `{"name":"grafana","may_delegate":true}`).want(f, 201).object
	if v, err := f.stored.Authenticate(t.Context(), auth.Secret(delegate["key"].(string))); err != nil || !v.Identity().MayDelegate {
		t.Errorf("B22 identity %+v, %v", v, err)
	}
}

func TestImport(t *testing.T) {
	f := newFixture(t, nil)
	const body = `{"name":"old","key":"a-key-made-elsewhere","audience":"public"}`
	first := f.do("POST", ingestionPath+"/import", managerKey, body).want(f, 201).object
	second := f.do("POST", ingestionPath+"/import", managerKey, body).want(f, 200).object
	if first["imported"] != true || second["imported"] != false || first["key_id"] != second["key_id"] || first["key"] != nil {
		t.Errorf("import = %v, again %v", first, second)
	}
	check(t, f.stored, "a-key-made-elsewhere", nil)
	if strings.Contains(f.log.String(), "a-key-made-elsewhere") {
		t.Error("the log has the key")
	}
}

func TestPages(t *testing.T) {
	f := newFixture(t, nil)
	for i := range 103 {
		mint(t, f.keys, keyadmin.Spec{Name: fmt.Sprint(i), Roles: auth.RoleWriter})
	}
	for query, want := range map[string]struct {
		n     int
		first string
	}{
		"":                   {100, "102"},
		"?limit=3":           {3, "102"},
		"?limit=3&offset=2":  {3, "100"},
		"?limit=100000":      {103, "102"},
		"?offset=100":        {3, "2"},
		"?offset=1000":       {0, ""},
		"?something=else":    {100, "102"},
		"?limit=&offset=":    {100, "102"},
		"?include_revoked=1": {100, "102"},
	} {
		got := f.do("GET", ingestionPath+query, managerKey, "").want(f, 200)
		if len(got.array) != want.n || want.n > 0 && got.array[0]["name"] != want.first {
			t.Errorf("GET %s: %d keys", query, len(got.array))
		}
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t, nil)
	key, _ := mint(t, f.keys, keyadmin.Spec{Name: "w", Roles: auth.RoleWriter})
	one := ingestionPath + "/" + key.ID.String()
	typo := string(storedkey.Mint()[:52]) + "-"
	for name, tc := range map[string]struct {
		method, path, key, body string
		status                  int
		code, msg               string
	}{
		"no credential":     {"GET", ingestionPath, "", "", 401, "UNAUTHENTICATED", "Invalid token"},
		"A75 wrong":         {"GET", ingestionPath, "wrong-wrong-wrong", "", 401, "UNAUTHENTICATED", "Invalid token"},
		"A67 no right":      {"POST", ingestionPath, plainKey, `{"name":"x"}`, 403, "FORBIDDEN", auth.EnvAdmins},
		"A67 no right, get": {"GET", analyticsPath, plainKey, "", 403, "FORBIDDEN", "key-manager"},

		"no name":           {"POST", ingestionPath, managerKey, `{}`, 400, "BAD_REQUEST", "name: must not be empty"},
		"null name":         {"POST", ingestionPath, managerKey, `{"name":null}`, 400, "BAD_REQUEST", "name: must not be empty"},
		"name of blanks":    {"POST", ingestionPath, managerKey, `{"name":"  "}`, 400, "BAD_REQUEST", "name: must not be empty"},
		"long name":         {"POST", ingestionPath, managerKey, `{"name":"` + strings.Repeat("é", 128) + `"}`, 400, "BAD_REQUEST", "at most 255 bytes, not 256"},
		"B20 control":       {"POST", ingestionPath, managerKey, `{"name":"a\u0000b"}`, 400, "BAD_REQUEST", "control"},
		"B20 bidi":          {"POST", ingestionPath, managerKey, `{"name":"a\u202eb"}`, 400, "BAD_REQUEST", "control"},
		"name of a number":  {"POST", ingestionPath, managerKey, `{"name":7}`, 400, "BAD_REQUEST", "name: must be a string"},
		"unknown field":     {"POST", ingestionPath, managerKey, `{"name":"x","roles":["admin"]}`, 400, "BAD_REQUEST", `unknown field "roles"`},
		"other letter case": {"POST", ingestionPath, managerKey, `{"Name":"x"}`, 400, "BAD_REQUEST", `unknown field "Name"`},
		"field twice":       {"POST", ingestionPath, managerKey, `{"name":"x","name":"y"}`, 400, "BAD_REQUEST", "given twice"},
		"delegation":        {"POST", ingestionPath, managerKey, `{"name":"x","may_delegate":true}`, 400, "BAD_REQUEST", `unknown field "may_delegate"`},
		"an audience":       {"POST", ingestionPath, managerKey, `{"name":"x","audience":"secret"}`, 400, "BAD_REQUEST", `audience: there is only "public"`},
		"no audience":       {"POST", analyticsPath, managerKey, `{"name":"x","audience":"public"}`, 400, "BAD_REQUEST", `unknown field "audience"`},
		"not JSON":          {"POST", ingestionPath, managerKey, `{"name":"x"`, 400, "BAD_REQUEST", "one JSON object"},
		"two values":        {"POST", ingestionPath, managerKey, `{"name":"x"} {}`, 400, "BAD_REQUEST", "one JSON object"},
		"an array":          {"POST", ingestionPath, managerKey, `["x"]`, 400, "BAD_REQUEST", "one JSON object"},
		"nothing":           {"POST", ingestionPath, managerKey, ``, 400, "BAD_REQUEST", "one JSON object"},
		"not UTF-8":         {"POST", ingestionPath, managerKey, "{\"name\":\"\xff\"}", 400, "BAD_REQUEST", "UTF-8"},
		"too large":         {"POST", ingestionPath, managerKey, `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 413, "BODY_TOO_LARGE", "65536"},
		"host bits":         {"POST", ingestionPath, managerKey, `{"name":"x","allowed_cidrs":["10.0.0.0/8","10.0.0.1/8"]}`, 400, "BAD_REQUEST", "allowed_cidrs[1]: must be a network"},
		"many networks":     {"POST", ingestionPath, managerKey, `{"name":"x","allowed_cidrs":[` + strings.Repeat(`"10.0.0.1",`, 100) + `"10.0.0.1"]}`, 400, "BAD_REQUEST", "at most 100"},
		"B27 has expired":   {"POST", ingestionPath, managerKey, `{"name":"x","expires_at":"2020-01-01T00:00:00Z"}`, 400, "BAD_REQUEST", "has passed already"},
		"B27 no time":       {"POST", ingestionPath, managerKey, `{"name":"x","expires_at":"tomorrow"}`, 400, "BAD_REQUEST", "expires_at: must be a time"},
		"B27 far away":      {"POST", ingestionPath, managerKey, `{"name":"x","expires_at":"2300-01-01T00:00:00Z"}`, 400, "BAD_REQUEST", "2261"},
		"B27 never": {
			"POST", ingestionPath, managerKey, `{"name":"x","not_before":"2200-01-02T00:00:00Z","expires_at":"2200-01-01T00:00:00Z"}`, 400, "BAD_REQUEST", "not after not_before",
		},

		"import without key": {"POST", ingestionPath + "/import", managerKey, `{"name":"x"}`, 400, "BAD_REQUEST", "16 to 4096"},
		"import of blanks":   {"POST", ingestionPath + "/import", managerKey, `{"name":"x","key":"0123456789 abcdef"}`, 400, "BAD_REQUEST", "blank"},
		"B29 import, typo":   {"POST", ingestionPath + "/import", managerKey, `{"name":"x","key":"` + typo + `"}`, 400, "BAD_REQUEST", "checksum"},

		"limit 0":        {"GET", ingestionPath + "?limit=0", managerKey, "", 400, "BAD_REQUEST", "limit: "},
		"limit -1":       {"GET", ingestionPath + "?limit=-1", managerKey, "", 400, "BAD_REQUEST", "limit: "},
		"limit x":        {"GET", ingestionPath + "?limit=x", managerKey, "", 400, "BAD_REQUEST", "limit: "},
		"offset -1":      {"GET", ingestionPath + "?offset=-1", managerKey, "", 400, "BAD_REQUEST", "offset: "},
		"revoked, maybe": {"GET", ingestionPath + "?include_revoked=maybe", managerKey, "", 400, "BAD_REQUEST", "include_revoked: "},

		"delete nothing":      {"DELETE", ingestionPath + "/00000000-0000-4000-8000-000000000000", managerKey, "", 404, "NOT_FOUND", "no such key"},
		"delete no id":        {"DELETE", ingestionPath + "/robot", managerKey, "", 404, "NOT_FOUND", "no such key"},
		"wait, maybe":         {"DELETE", one + "?wait=maybe", managerKey, "", 400, "BAD_REQUEST", "wait: "},
		"allowlist, nothing":  {"PATCH", one + "/allowlist", managerKey, `{}`, 400, "BAD_REQUEST", "allowed_cidrs: is missing"},
		"allowlist, no array": {"PATCH", one + "/allowlist", managerKey, `{"allowed_cidrs":"10.0.0.1"}`, 400, "BAD_REQUEST", "array"},
		"allowlist of none":   {"PATCH", ingestionPath + "/x/allowlist", managerKey, `{"allowed_cidrs":[]}`, 404, "NOT_FOUND", "no such key"},
		"other method":        {"PUT", ingestionPath, managerKey, "", 405, "METHOD_NOT_ALLOWED", "GET, POST"},
		"other method of one": {"GET", one, managerKey, "", 405, "METHOD_NOT_ALLOWED", "DELETE"},
		"other route":         {"GET", one + "/more", managerKey, "", 404, "NOT_FOUND", "no such route"},
		"trailing slash":      {"GET", ingestionPath + "/", managerKey, "", 404, "NOT_FOUND", "no such route"},
	} {
		t.Run(name, func(t *testing.T) {
			f.T = t
			got := f.do(tc.method, tc.path, tc.key, tc.body).want(f, tc.status)
			msg, _ := got.object["message"].(string)
			if got.object["code"] != tc.code || !strings.Contains(msg, tc.msg) || len(got.object) != 2 {
				t.Errorf("answer %s, want %s with %q", got.Body, tc.code, tc.msg)
			}
			if challenge := got.Header().Get("WWW-Authenticate"); (challenge != "") != (tc.status == 401) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			if allow := got.Header().Get("Allow"); (allow != "") != (tc.status == 405) {
				t.Errorf("Allow %q", allow)
			}
		})
	}
	if strings.Contains(f.log.String(), typo) {
		t.Error("the log has a key")
	}
	if list, err := f.keys.List(t.Context(), catalog.KeyFilter{}); err != nil || len(list) != 1 || list[0].Revoked != 0 || len(list[0].Networks) != 0 {
		t.Errorf("A76 something was changed: %+v, %v", list, err)
	}
}

// The body is not touched before the caller is known (A30).
func TestA30TheBodyWaits(t *testing.T) {
	f := newFixture(t, nil)
	for _, key := range []string{"wrong-wrong-wrong", plainKey} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", ingestionPath, unread{t})
		r.Header.Set("Authorization", "Bearer "+key)
		f.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, io.EOF
}

func TestDisabledAuthentication(t *testing.T) {
	f := newFixture(t, auth.Disabled(nil))
	for _, path := range []string{ingestionPath, analyticsPath + "/import", ingestionPath + "/x"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if got := f.do(method, path, adminKey, `{"name":"x"}`).want(f, 503); got.object["code"] != "AUTH_DISABLED" {
				t.Errorf("%s %s = %s", method, path, got.Body)
			}
		}
	}
}

func TestOtherPathsAreNotOurs(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{"/", "/ingestion/insert_block", ingestionPath + "s", "/API/ingestion-api-keys"} {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		if w.Code != 404 || strings.HasPrefix(w.Body.String(), "{") {
			t.Errorf("%s = %d %s", path, w.Code, w.Body)
		}
	}
}

// Errors of the catalog are not shown.
func TestErrorsAreNotShown(t *testing.T) {
	f := newFixture(t, nil)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "POST"} {
		got := f.do(method, ingestionPath, adminKey, `{"name":"x"}`)
		if got.Code < 500 || strings.Contains(got.Body.String(), "sql") || strings.Contains(got.Body.String(), "database is closed") {
			t.Errorf("%s = %d %s", method, got.Code, got.Body)
		}
	}
}

// B28: the answer comes when every replica refuses the key.
func TestB28DeleteWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{T: t, db: open(t, path)}
		f.serve(nil)
		key, text := mint(t, f.keys, keyadmin.Spec{Name: "k", Roles: auth.RoleWriter})
		replica := storedkey.New(keyadmin.New(open(t, path), keyadmin.Options{}), storedkey.Options{})
		check(t, replica, text, nil)
		begin := time.Now()
		f.do("DELETE", ingestionPath+"/"+key.ID.String()+"?wait=true", managerKey, "").want(f, 200)
		if time.Since(begin) != storedkey.ChangesWithin {
			t.Errorf("it took %s", time.Since(begin))
		}
		check(t, replica, text, storedkey.ErrRevoked)
	})
}

func FuzzBody(f *testing.F) {
	for _, body := range []string{`{"name":"x"}`, `{"name":"x","allowed_cidrs":["::1"]}`, `[`, `{"key":1}`, "\xff", `{"name":{"name":""}}`} {
		f.Add(body)
	}
	db, err := catalog.Open(f.Context(), catalog.Options{DSN: filepath.Join(f.TempDir(), "catalog.db")})
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	chain := auth.NewChain(nil, apikey.New([]auth.APIKey{{Name: "root", Key: adminKey, Admin: true}}))
	h := keyadmin.Handler(keyadmin.New(db, keyadmin.Options{}), chain, authhttp.Options{}, http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", ingestionPath+"/import", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+adminKey)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
