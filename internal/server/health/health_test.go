package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/internal/server/health"
)

func TestHandler(t *testing.T) {
	for name, tc := range map[string]struct {
		ready        error
		method, path string
		status       int
	}{
		"alive":            {nil, "GET", "/health", 200},
		"alive, not ready": {errors.New("down"), "HEAD", "/health", 200},
		"not ready":        {errors.New("down"), "GET", "/ready", 503},
		"unknown":          {nil, "GET", "/", 404},
		"post":             {nil, "POST", "/ready", 405},
		"ready":            {nil, "GET", "/ready", 200},
	} {
		t.Run(name, func(t *testing.T) {
			h := health.New(func(context.Context) error { return tc.ready }, nil).Handler()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
			if w.Code != tc.status || w.Body.Len() != 0 {
				t.Errorf("%s %s = %d %q, want %d and no body", tc.method, tc.path, w.Code, w.Body, tc.status)
			}
			if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
}

// B9: what is degraded is told, and is no reason to take the server out of service.
func TestDegraded(t *testing.T) {
	for name, tc := range map[string]struct {
		ready    error
		degraded []string
		status   int
		body     string
	}{
		"all is well":   {nil, nil, 200, ""},
		"degraded":      {nil, []string{"issuer a: old keys", "issuer b: old keys"}, 200, "degraded: issuer a: old keys\ndegraded: issuer b: old keys\n"},
		"and not ready": {errors.New("down"), []string{"x"}, 503, ""},
	} {
		c := health.New(func(context.Context) error { return tc.ready }, nil)
		c.Degraded = func() []string { return tc.degraded }
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/ready", nil))
		if w.Code != tc.status || w.Body.String() != tc.body {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, tc.status, tc.body)
		}
	}
}

// A success is remembered for a second, a failure is not, and a probe that hangs is given up after two seconds.
func TestErr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes, fail, hang := 0, errors.New("down"), false
		c := health.New(func(ctx context.Context) error {
			probes++
			if hang {
				<-ctx.Done()
				return ctx.Err()
			}
			return fail
		}, nil)
		expect := func(want error, wantProbes int) {
			t.Helper()
			if err := c.Err(t.Context()); !errors.Is(err, want) || probes != wantProbes {
				t.Fatalf("Err = %v after %d probes, want %v after %d", err, probes, want, wantProbes)
			}
		}
		expect(fail, 1)
		expect(fail, 2)
		fail = nil
		expect(nil, 3)
		time.Sleep(999 * time.Millisecond)
		expect(nil, 3)
		time.Sleep(time.Millisecond)
		hang = true
		begin := time.Now()
		expect(context.DeadlineExceeded, 4)
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("gave up after %s", took)
		}
	})
}

func TestErrSharesOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		c := health.New(func(context.Context) error {
			probes++
			time.Sleep(time.Second)
			return errors.New("down")
		}, nil)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if c.Err(t.Context()) == nil {
					t.Error("no error")
				}
			})
		}
		wg.Wait()
		if probes != 1 {
			t.Errorf("%d probes", probes)
		}
	})
}
