package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

func TestSecretCannotPrint(t *testing.T) {
	const s = auth.Secret("hunter2")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%t"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", auth.APIKey{Name: "n", Key: s})
		fmt.Fprintf(&out, verb+"\n", []auth.Secret{s})
	}
	fmt.Fprintln(&out, s, &auth.Config{APIKeys: []auth.APIKey{{Key: s}}})
	fmt.Fprintln(&out, errors.New(fmt.Sprint(s)))
	data, err := json.Marshal(map[string]any{"a": s, "b": auth.APIKey{Key: s}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "a", s, "b", auth.APIKey{Key: s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "a", s, "b", auth.APIKey{Key: s})
	for _, shape := range []string{"hunter2", "68756e7465723", "68756E7465723", "104 117"} {
		if strings.Contains(out.String(), shape) {
			t.Errorf("printed as %q: %s", shape, out.String())
		}
	}
}

func TestBearer(t *testing.T) {
	for name, tc := range map[string]struct {
		header []string
		want   string
		err    error
	}{
		"A26 token":                      {header: []string{"Bearer abc"}, want: "abc"},
		"A27 everything after":           {header: []string{"Bearer a b=/+."}, want: "a b=/+."},
		"A28 lower case":                 {header: []string{"bearer abc"}, want: "abc"},
		"A28 upper case":                 {header: []string{"BEARER abc"}, want: "abc"},
		"A28 several blanks":             {header: []string{"Bearer    abc"}, want: "abc"},
		"A29 no header":                  {header: nil, err: auth.ErrNoCredential},
		"A29 empty header":               {header: []string{""}, err: auth.ErrNoCredential},
		"A29 another scheme":             {header: []string{"Basic abc"}, err: auth.ErrNoCredential},
		"A29 a scheme that begins alike": {header: []string{"Bearers abc"}, err: auth.ErrNoCredential},
		"A29 no blank":                   {header: []string{"Bearerabc"}, err: auth.ErrNoCredential},
		"A29 leading blank":              {header: []string{" Bearer abc"}, err: auth.ErrNoCredential},
		"A29 token alone":                {header: []string{"abc"}, err: auth.ErrNoCredential},
		"A29 scheme alone":               {header: []string{"Bearer"}, err: auth.ErrMalformed},
		"A29 empty token":                {header: []string{"Bearer "}, err: auth.ErrMalformed},
		"A29 blanks only":                {header: []string{"Bearer    "}, err: auth.ErrMalformed},
		"A29 tab as separator":           {header: []string{"Bearer\tabc"}, err: auth.ErrNoCredential},
		"A29 two headers":                {header: []string{"Bearer abc", "Bearer abc"}, err: auth.ErrMalformed},
		"A29 not ASCII":                  {header: []string{"Bearer abcé"}, err: auth.ErrMalformed},
		"A29 control character":          {header: []string{"Bearer abc\x00"}, err: auth.ErrMalformed},
		"A29 line break":                 {header: []string{"Bearer abc\ndef"}, err: auth.ErrMalformed},
		"A29 delete":                     {header: []string{"Bearer abc\x7f"}, err: auth.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := auth.Bearer(tc.header)
			if string(got) != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("Bearer = %q, %v; want %q, %v", string(got), err, tc.want, tc.err)
			}
		})
	}
}

// TestA29EveryByte puts every byte at every place of a token.
func TestA29EveryByte(t *testing.T) {
	for length := 1; length <= 75; length += 1 + length/20 {
		for at := range length {
			for b := range 256 {
				token := []byte(strings.Repeat("~", length))
				token[at] = byte(b)
				_, err := auth.Bearer([]string{"Bearer x" + string(token)})
				if want := b >= 0x20 && b <= 0x7e; (err == nil) != want {
					t.Fatalf("byte %#x at %d of %d: %v", b, at, length, err)
				}
			}
		}
	}
}

func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc")
	f.Add("bearer  \x00")
	f.Fuzz(func(t *testing.T, header string) {
		token, err := auth.Bearer([]string{header})
		if (token == "") != (err != nil) {
			t.Fatalf("token %q, error %v", string(token), err)
		}
		if err == nil && !strings.HasSuffix(header, string(token)) {
			t.Errorf("token %q of %q", string(token), header)
		}
	})
}

// fake is a provider that always answers the same.
type fake struct {
	method auth.Method
	id     *auth.Identity
	err    error
	asked  int
}

func (f *fake) Method() auth.Method { return f.method }
func (f *fake) Authenticate(context.Context, auth.Secret) (*auth.Verified, error) {
	f.asked++
	if f.err != nil {
		return nil, f.err
	}
	return auth.NewVerified(*f.id), nil
}

func TestChain(t *testing.T) {
	errNo := errors.New("reason-needle")
	outage := &fault.Error{Kind: fault.Unavailable, Msg: "address-needle", RetryAfter: 7 * time.Second}
	keyID := &auth.Identity{Subject: "key", Method: auth.MethodAPIKey}
	userID := &auth.Identity{Subject: "user", Method: auth.MethodOIDC}
	for name, tc := range map[string]struct {
		first, second fake
		want          string
		kind          fault.Kind
	}{
		"A32 the first success decides":    {first: fake{id: keyID}, second: fake{id: userID}, want: "key"},
		"A33 the second may succeed":       {first: fake{err: errNo}, second: fake{id: userID}, want: "user"},
		"A33 both refuse":                  {first: fake{err: errNo}, second: fake{err: errNo}, kind: fault.Unauthenticated},
		"A57 outage of the second":         {first: fake{err: errNo}, second: fake{err: outage}, kind: fault.Unavailable},
		"A57 outage, the other accepts":    {first: fake{err: outage}, second: fake{id: userID}, want: "user"},
		"A57 outage, the other refuses":    {first: fake{err: outage}, second: fake{err: errNo}, kind: fault.Unavailable},
		"A57 outage that is wrapped twice": {first: fake{err: errNo}, second: fake{err: fmt.Errorf("x: %w", outage)}, kind: fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			chain := auth.NewChain(nil, &tc.first, &tc.second)
			id, err := chain.Authenticate(t.Context(), []string{"Bearer x"})
			if tc.want != "" {
				if err != nil || id.Subject != tc.want {
					t.Fatalf("Authenticate = %v, %v", id, err)
				}
				return
			}
			if fault.KindOf(err) != tc.kind {
				t.Fatalf("Authenticate = %v", err)
			}
			if strings.Contains(fault.Of(err).Public(), "needle") {
				t.Errorf("the caller learns %q (A75)", fault.Of(err).Public())
			}
			if tc.kind == fault.Unavailable && fault.Of(err).RetryAfter != 7*time.Second {
				t.Errorf("RetryAfter %v", fault.Of(err).RetryAfter)
			}
			if tc.kind == fault.Unauthenticated && !errors.Is(err, errNo) {
				t.Errorf("the log does not learn the reason: %v", err)
			}
		})
	}
}

func TestA75SameAnswer(t *testing.T) {
	chain := auth.NewChain(nil, &fake{err: errors.New("x")})
	for _, header := range [][]string{nil, {"Basic x"}, {"Bearer "}, {"Bearer x"}, {"Bearer x", "Bearer y"}} {
		_, err := chain.Authenticate(t.Context(), header)
		if f := fault.Of(err); f == nil || f.Kind != fault.Unauthenticated || f.Public() != "invalid token" {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestA29NoCredentialAsksNobody(t *testing.T) {
	f := &fake{err: errors.New("x")}
	_, _ = auth.NewChain(nil, f).Authenticate(t.Context(), nil)
	if f.asked != 0 {
		t.Error("a provider was asked about nothing")
	}
}

func TestChainCallerLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := auth.NewChain(nil, &fake{err: context.Canceled}).Authenticate(ctx, []string{"Bearer x"})
	if fault.KindOf(err) != fault.Canceled {
		t.Errorf("Authenticate = %v", err)
	}
}

func TestEmptyChainRefuses(t *testing.T) {
	if _, err := auth.NewChain(nil).Authenticate(t.Context(), []string{"Bearer x"}); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("Authenticate = %v", err)
	}
}

func TestAdministrators(t *testing.T) {
	user := func(change func(*auth.Identity)) auth.Identity {
		id := auth.Identity{Subject: "sub-1", Email: "alice@example.com", EmailVerified: true, Method: auth.MethodOIDC}
		change(&id)
		return id
	}
	same := func(*auth.Identity) {}
	for name, tc := range map[string]struct {
		admins []string
		id     auth.Identity
		want   bool
	}{
		"A17 by email":               {[]string{"alice@example.com"}, user(same), true},
		"A17 by subject":             {[]string{"x", "sub-1"}, user(same), true},
		"A17 nobody configured":      {nil, user(same), false},
		"A17 somebody else":          {[]string{"bob@example.com"}, user(same), false},
		"A18 another case":           {[]string{"Alice@example.com"}, user(same), false},
		"A18 a blank":                {[]string{"alice@example.com "}, user(same), false},
		"A18 no wildcards":           {[]string{"*", "*@example.com"}, user(same), false},
		"A20 a key's name":           {[]string{"alice@example.com"}, auth.Identity{Subject: "alice@example.com", Method: auth.MethodAPIKey}, false},
		"B15 email not verified":     {[]string{"alice@example.com"}, user(func(id *auth.Identity) { id.EmailVerified = false }), false},
		"B15 subject like an email":  {[]string{"alice@example.com"}, user(func(id *auth.Identity) { id.Subject, id.Email = "alice@example.com", "" }), true},
		"B19 the key carries it":     {nil, auth.Identity{Subject: "k", Method: auth.MethodAPIKey, Admin: true}, true},
		"A17 no email, empty string": {[]string{"x"}, user(func(id *auth.Identity) { id.Email = "" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			chain := auth.NewChain(auth.NewPolicy(tc.admins), &fake{id: &tc.id})
			id, err := chain.Authenticate(t.Context(), []string{"Bearer x"})
			if err != nil || id.Admin != tc.want {
				t.Errorf("admin %v, want %v (%v)", id.Admin, tc.want, err)
			}
			if id.Subject != tc.id.Subject || id.Email != tc.id.Email {
				t.Errorf("identity %+v", id)
			}
		})
	}
}

// TestB21PolicyPerRequest changes the administrators while a credential stays verified.
func TestB21PolicyPerRequest(t *testing.T) {
	chain := auth.NewChain(auth.NewPolicy([]string{"a"}), &fake{id: &auth.Identity{Subject: "a", Method: auth.MethodOIDC}})
	admin := func() bool {
		id, err := chain.Authenticate(t.Context(), []string{"Bearer x"})
		if err != nil {
			t.Fatal(err)
		}
		return id.Admin
	}
	if !admin() {
		t.Error("not an administrator before")
	}
	chain.SetPolicy(auth.NewPolicy(nil))
	if admin() {
		t.Error("an administrator after")
	}
}

func TestA67RequireAdmin(t *testing.T) {
	ctx := t.Context()
	for name, tc := range map[string]struct {
		ctx context.Context //nolint:containedctx // the input of the test
		ok  bool
	}{
		"A65 administrator": {auth.With(ctx, &auth.Identity{Admin: true}), true},
		"A67 another user":  {auth.With(ctx, &auth.Identity{}), false},
		"A68 nobody":        {ctx, false},
	} {
		err := auth.RequireAdmin(tc.ctx, "retire_partitions")
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (fault.KindOf(err) != fault.PermissionDenied || !strings.Contains(fault.Of(err).Public(), "retire_partitions needs an administrator")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFrom(t *testing.T) {
	if id, ok := auth.From(t.Context()); ok || id != nil {
		t.Error("an identity from nowhere")
	}
	if _, ok := auth.From(auth.With(t.Context(), nil)); ok {
		t.Error("a nil identity counts")
	}
	want := &auth.Identity{Subject: "s"}
	if id, ok := auth.From(auth.With(t.Context(), want)); !ok || id != want {
		t.Error("not the identity that was put")
	}
}

func TestA4Disabled(t *testing.T) {
	var log bytes.Buffer
	chain := auth.Disabled(slog.New(slog.NewTextHandler(&log, nil)), "127.0.0.1:9000", "[::1]:1", "localhost:2")
	for _, header := range [][]string{nil, {"Bearer x"}, {"nonsense", "twice"}} {
		id, err := chain.Authenticate(t.Context(), header)
		if err != nil || !id.Admin || id.Method != auth.MethodNone { // A5
			t.Errorf("%q: %+v, %v", header, id, err)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "authentication is disabled") {
		t.Errorf("log %q", log.String())
	}
}

func TestB43OpenAddressWarnsEveryHour(t *testing.T) {
	for _, tc := range []struct {
		listen string
		want   int
	}{{"127.0.0.1:1", 1}, {":9000", 4}, {"0.0.0.0:9000", 4}, {"[::]:9000", 4}, {"db.example.com:1", 4}} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			chain := auth.Disabled(slog.New(slog.NewTextHandler(&log, nil)), tc.listen)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
			defer cancel()
			if err := chain.Run(ctx); err != nil {
				t.Error(err)
			}
			if n := strings.Count(log.String(), "level=WARN"); n != tc.want {
				t.Errorf("%s: %d warnings, want %d", tc.listen, n, tc.want)
			}
		})
	}
}

func TestB20Printable(t *testing.T) {
	for in, want := range map[string]string{
		"Zoë 山田":                 "Zoë 山田",
		"a\nb\x00c\x1b[31m":      "a\uFFFDb\uFFFDc\uFFFD[31m",
		"\u202Egpj.exe":          "\uFFFDgpj.exe",
		"\u2066x\u2069":          "\uFFFDx\uFFFD",
		"a\u2028b\u0085c":        "a\uFFFDb\uFFFDc",
		"\xff\xfe":               "\uFFFD",
		strings.Repeat("é", 200): strings.Repeat("é", 128) + "…",
	} {
		if got := auth.Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAttribution(t *testing.T) {
	user := &auth.Identity{Subject: "sub", Email: "a@x.y", Method: auth.MethodOIDC}
	noEmail := &auth.Identity{Subject: "sub", Method: auth.MethodOIDC}
	key := &auth.Identity{Subject: "grafana", Method: auth.MethodAPIKey, MayDelegate: true}
	closed := &auth.Identity{Subject: "ci", Method: auth.MethodAPIKey}
	none := &auth.Identity{Method: auth.MethodNone, MayDelegate: true}
	for name, tc := range map[string]struct {
		id              *auth.Identity
		uid, email, who string
		want            auth.Attribution
		denied          string
	}{
		"A71 user, nothing claimed":        {id: user, want: auth.Attribution{UserID: "sub", UserEmail: "a@x.y"}},
		"A72 user, itself":                 {id: user, uid: "sub", email: "a%40x.y", who: "Z%C3%BCri", want: auth.Attribution{UserID: "sub", UserEmail: "a@x.y", UserName: "Züri"}},
		"A72 user, another id":             {id: user, uid: "root", denied: "x-user-id"},
		"A72 user, another email":          {id: user, email: "root@x.y", denied: "x-user-email"},
		"A72 user without email":           {id: noEmail, email: "b@x.y", want: auth.Attribution{UserID: "sub"}},
		"A72 user, another id, encoded":    {id: user, uid: "%72oot", denied: "x-user-id"},
		"A71 key, nothing claimed":         {id: key, want: auth.Attribution{UserID: "grafana", UserEmail: "service-account"}},
		"A72 key for a user":               {id: key, uid: "u", email: "u@x.y", want: auth.Attribution{UserID: "u", UserEmail: "u@x.y", ServiceAccount: "grafana"}},
		"B22 key that may not, for a user": {id: closed, uid: "u", denied: "x-user-id"},
		"B22 key that may not, itself":     {id: closed, want: auth.Attribution{UserID: "ci", UserEmail: "service-account"}},
		"A72 no authentication":            {id: none, want: auth.Attribution{UserID: "unknown", UserEmail: "unknown"}},
		"A72 no authentication, claimed":   {id: none, uid: "u", email: "e", want: auth.Attribution{UserID: "u", UserEmail: "e"}},
		"A72 no identity":                  {uid: "u", want: auth.Attribution{UserID: "u", UserEmail: "unknown"}},
		"A72 broken encoding is kept":      {id: key, uid: "100%", email: "%ff", want: auth.Attribution{UserID: "100%", UserEmail: "%ff", ServiceAccount: "grafana"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := auth.Attribute(tc.id, tc.uid, tc.email, tc.who)
			if tc.denied != "" {
				if fault.KindOf(err) != fault.PermissionDenied || !strings.Contains(fault.Of(err).Public(), tc.denied) {
					t.Fatalf("Attribute = %v", err)
				}
				if strings.Contains(fault.Of(err).Public(), "root") {
					t.Errorf("the error repeats the claim (A78): %v", err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tc.want)
			}
		})
	}
}

func TestA84Journal(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	j := auth.NewJournal(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelInfo, func() time.Time { return now })
	refusal := func(text string) error {
		return &fault.Error{Kind: fault.Unauthenticated, Msg: "invalid token", Err: &auth.Refusal{
			Err: errors.New(text), Issuer: "https://i\n", KeyID: "k1", Detail: "d",
		}}
	}
	lines := func() int { return strings.Count(out.String(), "level=WARN") }

	for range 100 {
		j.Refused(t.Context(), refusal("expired"), "GET /x", "192.0.2.1:5")
	}
	if lines() != 1 {
		t.Fatalf("%d lines in a second", lines())
	}
	for _, part := range []string{"reason=expired", "remote_addr=192.0.2.1:5", "https://i\uFFFD", "kid=k1", "detail=d"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in %s", part, out.String())
		}
	}
	j.Refused(t.Context(), refusal("other"), "GET /x", "")
	if lines() != 2 {
		t.Error("another reason has its own limit")
	}
	now = now.Add(time.Second)
	j.Refused(t.Context(), refusal("expired"), "GET /x", "")
	if lines() != 3 || !strings.Contains(out.String(), "suppressed=99") {
		t.Errorf("after a second: %s", out.String())
	}
	j.Refused(t.Context(), fault.New(fault.Canceled, "left"), "GET /x", "")
	if lines() != 3 {
		t.Error("a caller that left is no news")
	}
}

func TestA83JournalAccepted(t *testing.T) {
	var out bytes.Buffer
	j := auth.NewJournal(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelInfo, nil)
	j.Accepted(t.Context(), &auth.Identity{Subject: "sub", Email: "a@x.y", Issuer: "https://i", Audience: "aud", Method: auth.MethodOIDC, Admin: true}, "/m", "r")
	j.Accepted(t.Context(), &auth.Identity{Subject: "svc", Method: auth.MethodAPIKey}, "/m", "r")
	for _, part := range []string{"authenticated", "level=INFO", "subject=sub", "email=a@x.y", "issuer=https://i", "audience=aud", "admin=true", "subject=svc"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in %s", part, out.String())
		}
	}
	quiet := auth.NewJournal(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelDebug, nil)
	out.Reset()
	quiet.Accepted(t.Context(), &auth.Identity{}, "/m", "r")
	if out.Len() != 0 {
		t.Error("debug lines at info")
	}
}

func TestA86LogStart(t *testing.T) {
	var out bytes.Buffer
	cfg, warnings, err := auth.LoadConfig(env(
		auth.EnvOIDCConfig, `{"issuers": [{"issuer": "https://i", "audience": "a"}, {"issuer": "https://i", "audience": "b"}, {"issuer": "https://j", "audience": "c"}]}`,
		auth.EnvAPIKeys, `[{"name": "svc-1", "key": "needle-needle-needle"}, {"name": "svc-2", "key": "needle"}]`,
		auth.EnvAdmins, `["alice@example.com"]`))
	if err != nil {
		t.Fatal(err)
	}
	auth.LogStart(t.Context(), slog.New(slog.NewTextHandler(&out, nil)), cfg, warnings)
	for _, part := range []string{"issuers=2", "issuer=https://i audiences=[a]", "issuer=https://i audiences=[b]", "issuer=https://j", "api_keys=2", "svc-1 svc-2", "admins=1", "level=WARN"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in %s", part, out.String())
		}
	}
	if strings.Contains(out.String(), "needle") {
		t.Error("the log shows a key")
	}
}
