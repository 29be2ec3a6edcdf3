package diagnose

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/auth/storedkey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// entry returns MICROMEGAS_OIDC_CONFIG for an issuer, with members (JSON, a comma in front) added to its entry.
func entry(issuer *authtest.Issuer, members string) string {
	return fmt.Sprintf(`{"issuers": [{"issuer": %q, "audience": %q%s}]}`, issuer.URL(), issuer.Audience, members)
}

func variables(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

// oidcOnly are the variables with an issuer and nothing else.
func oidcOnly(config string) func(string) string {
	return variables(map[string]string{auth.EnvOIDCConfig: config})
}

// run runs with a time limit that nothing but a hang reaches, unless the options have another, and sees that the report shows
// no secret.
func run(t *testing.T, o Options) Report {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	r := Run(t.Context(), o)
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{string(o.Token), authtest.ClientSecret, plainKey} {
		if len(secret) > 8 && (strings.Contains(text.String(), secret) || strings.Contains(string(data), secret)) {
			t.Errorf("A78: the report shows a secret of %d bytes", len(secret))
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(text.String())
	}
	return r
}

// find returns the first check called name with the worst status.
func (r Report) find(name string) (found Check) {
	for _, s := range r.Sections {
		for _, c := range s.Checks {
			if c.Name == name && (found.Name == "" || c.Status == Problem || c.Status == Warning && found.Status != Problem) {
				found = c
			}
		}
	}
	return found
}

func (r Report) mustFind(t *testing.T, name string, status Status, detail string) Check {
	t.Helper()
	c := r.find(name)
	if c.Status != status || !strings.Contains(c.Detail, detail) {
		t.Errorf("check %q = %+v, want %s with %q", name, c, status, detail)
	}
	if status == Problem && r.Healthy {
		t.Error("healthy in spite of a problem")
	}
	return c
}

// stepOf returns the step called id.
func (t *Token) stepOf(id string) Step {
	for _, s := range t.Steps {
		if s.ID == id {
			return s
		}
	}
	return Step{}
}

func (t *Token) decision(server string) Decision {
	for _, d := range t.Decisions {
		if d.Server == server {
			return d
		}
	}
	return Decision{}
}

// store is a catalog with some keys.
type store struct {
	keys map[storedkey.Hash]storedkey.Key
	err  error
}

func (s *store) KeyByHash(_ context.Context, h storedkey.Hash) (storedkey.Key, int64, error) {
	if s.err != nil {
		return storedkey.Key{}, 0, s.err
	}
	k, ok := s.keys[h]
	if !ok {
		return k, 1, storedkey.ErrNotFound
	}
	return k, 1, nil
}

func (s *store) KeysChangedSince(context.Context, int64) (storedkey.Changes, error) {
	return storedkey.Changes{Revision: 1}, s.err
}

func (s *store) KeysEnding(_ context.Context, from, to time.Time) (list []storedkey.Key, err error) {
	for _, k := range s.keys {
		if !k.Expires.Before(from) && k.Expires.Before(to) {
			list = append(list, k)
		}
	}
	return list, s.err
}

func (s *store) TouchKeys(context.Context, map[uuid.UUID]time.Time) error {
	panic("the doctor must leave no trace")
}

func (s *store) Live(context.Context) (int64, error) { return int64(len(s.keys)), s.err }
