package denylist_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query/denylist"
	"github.com/micromegas-go/micromegas/telemetry"
)

var request = &denylist.Request{
	UserID: "u1", Email: "Ada@Example.com", Client: "grafana", SQL: "SELECT *\nFROM log_entries -- 100%", SQLHash: "00ff", ClientIP: "10.1.2.3",
}

func TestMatches(t *testing.T) {
	for text, want := range map[string]bool{
		"client = 'grafana'":                                true,
		"CLIENT = 'grafana' AND \"user_id\" <> 'u2'":        true,
		"client = 'Grafana'":                                false,
		"client = 'x' OR email = 'Ada@Example.com'":         true,
		"NOT client = 'x'":                                  true,
		"agent = 'x'":                                       false,
		"agent <> 'x'":                                      false, // NULL
		"NOT agent = 'x'":                                   false,
		"agent IS NULL":                                     true,
		"client IS NOT NULL":                                true,
		"agent IS DISTINCT FROM client":                     true,
		"agent IS NOT DISTINCT FROM notebook":               true,
		"(agent = 'x') IS UNKNOWN":                          true,
		"(client = 'grafana') IS NOT TRUE":                  false,
		"agent = 'x' OR client = 'grafana'":                 true,
		"sql LIKE '%log\\_entries%'":                        true,
		"sql LIKE 'select%'":                                false,
		"sql ILIKE 'select%'":                               true,
		"sql LIKE '%100!%' ESCAPE '!'":                      true,
		"sql NOT LIKE '%x%'":                                true,
		"agent NOT LIKE '%x%'":                              false,
		"client IN ('a', 'grafana')":                        true,
		"client NOT IN ('a', NULL)":                         false,
		"client IN ('grafana', NULL)":                       true,
		"client BETWEEN 'g' AND 'h'":                        true,
		"client NOT BETWEEN 'a' AND 'b'":                    true,
		"length(sql) > 20 AND length(sql) < 1000":           true,
		"octet_length(client) = 7":                          true,
		"lower(email) = 'ada@example.com'":                  true,
		"split_part(email, '@', 2) = 'Example.com'":         true,
		"email ~ '^Ada@'":                                   true,
		"email ~* '^ada@'":                                  true,
		"email !~* '^ada@'":                                 false,
		"regexp_like(sql, 'from\\s+log', 'i')":              true,
		"regexp_like(sql, client || '(')":                   false, // malformed counts as NULL
		"starts_with(client_ip, '10.') AND sql_hash='00ff'": true,
		"strpos(client_ip, '1.2') = 4":                      true,
		"substr(client, 2, 3) || '!' = 'raf!'":              true,
		"left(client, 2) = 'gr' AND right(client, 2)='na'":  true,
		"coalesce(agent, client, 'x') = 'grafana'":          true,
		"nullif(client, 'grafana') IS NULL":                 true,
		"concat(agent, 'a', client) = 'agrafana'":           true,
		"replace(client, 'a', '') = 'grfn'":                 true,
		"trim(' ' || client || ' ') = client":               true,
		"TRUE AND client = 'grafana'":                       true,
		"client = 'grafana' AND NULL":                       false,
		"((((client = 'it''s'))))":                          false,
	} {
		e, err := denylist.Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.Matches(request); got != want {
			t.Errorf("%s = %v, want %v", text, got, want)
		}
	}
}

// A comment or a line break lets no statement through.
func TestMatchesTheBareText(t *testing.T) {
	for _, tc := range []struct {
		rule, sql string
		want      bool
	}{
		{"sql LIKE '%FROM log_entries%'", "SELECT * FROM/**/log_entries", true},
		{"sql LIKE '%FROM log_entries%'", "SELECT * FROM -- x\n\t log_entries", true},
		{"sql LIKE '%FROM log_entries%'", "SELECT 'FROM  log_entries'", false},
		{"sql NOT LIKE '%LIMIT%'", "SELECT * FROM log_entries -- LIMIT", true},
		{"sql NOT LIKE '%LIMIT%'", "SELECT * FROM log_entries LIMIT 1 -- x", false},
		{"sql LIKE '%/* panel 7 */%'", "SELECT 1 /* panel 7 */", true}, // the text as it came counts, too
		{"sql = 'SELECT 1'", "\nSELECT\n1 -- mine", true},
		{"client = 'grafana' AND sql = 'SELECT 1'", "SELECT  1", true},
		{"client = 'x' AND sql = 'SELECT 1'", "SELECT  1", false},
		{"sql LIKE '%''%'", "SELECT ' /* no end", true}, // a text that is no statement
	} {
		e, err := denylist.Compile(tc.rule)
		if err != nil {
			t.Fatal(err)
		}
		r := &denylist.Request{Client: "grafana", SQL: tc.sql}
		if got := e.Matches(r); got != tc.want {
			t.Errorf("%s of %q = %v, want %v", tc.rule, tc.sql, got, tc.want)
		}
		if r.SQL != tc.sql {
			t.Errorf("the statement became %q", r.SQL)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "is expected, not the end",
		"client":                        "it must be a condition, not a text",
		"TRUE":                          "it refers to no attribute",
		"client = ":                     "not the end (at character 10",
		"client = 1":                    "a text cannot be compared with a number",
		"client AND TRUE":               "a condition is expected, not a text",
		"client = 'a":                   "does not end",
		"client = 'a' 'b'":              `"b" is not expected here`,
		"passwd = 'a'":                  `there is no attribute "passwd"; attributes are user_id, email`,
		"sleep(1) = client":             `there is no function "sleep"`,
		"lower(client, 'x') = 'a'":      "lower takes 1 arguments, not 2",
		"lower(1) = client":             "a text is expected, not a number",
		"client LIKE 1":                 "a text is expected, not a number",
		"client ~ '('":                  "missing closing )",
		"client LIKE 'a' ESCAPE 'ab'":   "one character is expected",
		"client NOT = 'a'":              "is expected behind NOT",
		"client IS 'a'":                 "is expected behind IS",
		"client IN ('a', 2)":            "a text cannot be compared with a number",
		"client IN 'a'":                 `"(" is expected`,
		"client BETWEEN 'a' OR 'b'":     "AND is expected",
		"(client = 'a'":                 `")" is expected, not the end`,
		"client = 'a'; DROP TABLE x":    `';' is not expected`,
		"(SELECT client) = 'a'":         `there is no attribute "select"`,
		"client = 99999999999999999999": "too large a number",
		strings.Repeat("(", 200):        "nested too deep",
		strings.Repeat("NOT ", 200):     "nested too deep",
		strings.Repeat("a", 20_000):     "at most 16384 bytes",
	} {
		if _, err := denylist.Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", text, err, want)
		}
	}
}

// FuzzCompile sees that no expression does harm, whatever it says.
func FuzzCompile(f *testing.F) {
	f.Add("client = 'a' AND NOT (substr(sql, -5, 9223372036854775807) IN (lower(email), NULL) OR regexp_like(sql, agent))")
	f.Add("right(client, -1) = left(sql, -9) || split_part(sql, '', 0)")
	f.Fuzz(func(_ *testing.T, text string) {
		if e, err := denylist.Compile(text); err == nil {
			e.Matches(request)
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	e, err := denylist.Compile("client = 'grafana' AND lower(email) LIKE '%@example.com' AND sql_hash IN ('1', '2')")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e.Matches(request)
	}
}

// store is a catalog in memory that can fail.
type store struct {
	rules []catalog.Denial
	hits  map[catalog.DenialID]telemetry.Time
	err   error
}

func (s *store) Denials(context.Context) ([]catalog.Denial, error) { return s.rules, s.err }

func (s *store) CreateDenial(_ context.Context, d catalog.Denial, _ int) (catalog.Denial, error) {
	d.ID = uuid.New()
	s.rules = append(s.rules, d)
	return d, s.err
}

func (s *store) DeleteDenials(context.Context, []catalog.DenialID) ([]catalog.DenialID, error) {
	s.rules = nil
	return nil, s.err
}

func (s *store) TouchDenials(_ context.Context, hits map[catalog.DenialID]telemetry.Time) error {
	if s.err == nil {
		s.hits = hits
	}
	return s.err
}

// held is a store that reads its rules when it is asked, and answers the first time when it is let.
type held struct {
	store
	let chan struct{}
}

func (s *held) Denials(ctx context.Context) ([]catalog.Denial, error) {
	rules, err := s.store.Denials(ctx)
	if let := s.let; let != nil {
		s.let = nil
		<-let
	}
	return rules, err
}

// A rule that was made holds from then on, also when a look at the rules had begun before.
func TestLookFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		l := denylist.New(&held{let: let}, denylist.Options{})
		looked, made := make(chan error, 1), make(chan error, 1)
		go func() { looked <- l.Refresh(t.Context()) }()
		synctest.Wait()
		go func() {
			_, err := l.Create(t.Context(), "ada", "client = 'grafana'", "slow")
			made <- err
		}()
		synctest.Wait()
		close(let)
		if err := errors.Join(<-looked, <-made); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(t.Context(), request, "q"); err == nil {
			t.Error("the rule does not hold")
		}
	})
}

func TestList(t *testing.T) {
	at := time.Unix(100, 0)
	s := &store{rules: []catalog.Denial{
		{ID: uuid.New(), Match: "from_the_future(client)", Reason: "not understood"},
		{ID: uuid.New(), Match: "client = 'grafana'", Reason: "first"},
		{ID: uuid.New(), Match: "email IS NOT NULL", Reason: "second"},
	}}
	l := denylist.New(s, denylist.Options{Now: func() time.Time { return at }})
	if err := l.Check(t.Context(), request, "q"); err != nil {
		t.Errorf("before the first look: %v", err)
	}
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(ctx context.Context, r *denylist.Request, want int) {
		t.Helper()
		err := l.Check(ctx, r, "q")
		d, ok := errors.AsType[*denylist.DeniedError](err)
		switch {
		case want < 0 && err == nil:
		case want < 0 || !ok || d.Rule != s.rules[want].ID:
			t.Errorf("Check = %v, want rule %d", err, want)
		case fault.Of(err).Kind != fault.Exhausted || !strings.Contains(fault.Of(err).Public(), s.rules[want].Reason):
			t.Errorf("Check = %v", err)
		}
	}
	check(t.Context(), request, 1)
	check(t.Context(), &denylist.Request{Email: "x"}, 2)
	check(t.Context(), &denylist.Request{Client: "python"}, -1)
	own := *request
	own.SQL = "SELECT remove_query_denial('x')"
	check(auth.With(t.Context(), &auth.Identity{Admin: true}), &own, -1)
	check(auth.With(t.Context(), &auth.Identity{Admin: true}), request, 1)
	check(auth.With(t.Context(), &auth.Identity{}), &own, 1)

	s.err = catalog.ErrUnavailable
	if err := l.Refresh(t.Context()); err == nil {
		t.Error("no error from a store that is out of reach")
	}
	check(t.Context(), request, 1) // the rules of before stay
	s.err = nil
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.hits) != 2 || s.hits[s.rules[1].ID] != telemetry.TimeOf(at) {
		t.Errorf("hits %v", s.hits)
	}
	if n := l.Counts(); n[s.rules[1].ID] != 4 || n[s.rules[2].ID] != 1 {
		t.Errorf("counts %v", n)
	}
	if _, err := l.Remove(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	check(t.Context(), request, -1) // at once
	if d, err := l.Create(t.Context(), "ada", "client = 'grafana'", "again"); err != nil || d.CreatedBy != "ada" {
		t.Fatal(err)
	}
	check(t.Context(), request, 0) // at once
	for match, reason := range map[string]string{"1": "x", "client = 'x'": " "} {
		if _, err := l.Create(t.Context(), "ada", match, reason); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Create(%q, %q) = %v", match, reason, err)
		}
	}
}
