package apikey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

// t0 is when tests happen.
var t0 = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func TestB27Times(t *testing.T) {
	now := t0
	p := NewWith([]auth.APIKey{
		{Name: "always", Key: "always-always-always"},
		{Name: "ends", Key: "ends-ends-ends-ends", ExpiresAt: t0.Add(time.Hour)},
		{Name: "begins", Key: "begins-begins-begins", NotBefore: t0.Add(time.Hour)},
	}, Options{Now: func() time.Time { return now }})
	for _, tc := range []struct {
		after        time.Duration
		ends, begins error
	}{
		{0, nil, ErrNotYetValid},
		{time.Hour - 1, nil, ErrNotYetValid},
		{time.Hour, ErrExpired, nil},
		{24 * time.Hour, ErrExpired, nil},
	} {
		now = t0.Add(tc.after)
		for range 2 { // the second time it is remembered
			for key, want := range map[auth.Secret]error{"always-always-always": nil, "ends-ends-ends-ends": tc.ends, "begins-begins-begins": tc.begins} {
				if _, err := p.Authenticate(t.Context(), key); !errors.Is(err, want) {
					t.Errorf("after %v: %.4s… %v, want %v", tc.after, string(key), err, want)
				}
			}
		}
	}
	var s auth.Stats
	p.AddStats(&s)
	if s.KeysExpired != 1 || !s.NextKeyExpiry.IsZero() {
		t.Errorf("stats %+v", s)
	}
	now = t0
	s = auth.Stats{}
	p.AddStats(&s)
	if s.KeysExpired != 0 || !s.NextKeyExpiry.Equal(t0.Add(time.Hour)) { // B37
		t.Errorf("stats %+v", s)
	}
}

// TestB27Hash accepts a key of which only the hash is known, whatever its length, and nothing else.
func TestB27Hash(t *testing.T) {
	p := New([]auth.APIKey{{Name: "plain", Key: short}, {Name: "hashed", Hash: auth.HashKey(recipe), Roles: auth.RoleWriter}})
	for token, want := range map[auth.Secret]string{
		recipe: "hashed", short: "plain", recipe + "x": "", "": "", "x": "", auth.Secret(auth.HashKey(recipe)): "",
		auth.Secret(strings.ToUpper(string(short))): "",
	} {
		for range 3 {
			v, err := p.Authenticate(t.Context(), token)
			switch {
			case want == "" && !errors.Is(err, ErrUnknown):
				t.Errorf("%.8s…: %v", string(token), err)
			case want != "" && (err != nil || v.Identity().Subject != want):
				t.Errorf("%.8s…: %v, %v", string(token), v, err)
			}
		}
	}
	// A key that looks like a JWT is accepted when its text is known; known by its hash alone it is not.
	const jwt = "eyJ.eyJ.AAAA"
	if _, err := New([]auth.APIKey{{Name: "clear", Key: jwt}, {Name: "h", Hash: auth.HashKey("x")}}).Authenticate(t.Context(), jwt); err != nil {
		t.Error(err) // A34
	}
	if _, err := New([]auth.APIKey{{Name: "h", Hash: auth.HashKey(jwt)}}).Authenticate(t.Context(), jwt); !errors.Is(err, ErrUnknown) {
		t.Error(err) // documented
	}
	v, err := p.Authenticate(t.Context(), recipe)
	if err != nil || v.Identity().Roles != auth.RoleWriter {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestB42UnknownKeysAreBounded sends 10,000 different wrong keys.
func TestB42UnknownKeysAreBounded(t *testing.T) {
	hashed := New([]auth.APIKey{{Name: "hashed", Hash: auth.HashKey(recipe)}})
	plain := New(keys)
	for n := range 10_000 {
		wrong := auth.Secret(fmt.Sprintf("mmk_%043d", n))
		for _, p := range []*Provider{hashed, plain} {
			if _, err := p.Authenticate(t.Context(), wrong); !errors.Is(err, ErrUnknown) {
				t.Fatal(err)
			}
		}
	}
	for _, p := range []*Provider{hashed, plain} {
		if n := len(p.unknown); n > mostUnknown || len(p.accepted) != 0 {
			t.Errorf("%d wrong keys remembered", n)
		}
	}
}

// TestB27Warnings: 14 days ahead, every day, and once more when it is over.
func TestB27Warnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		day := 24 * time.Hour
		p := NewWith([]auth.APIKey{
			{Name: "far", Key: "far-far-far-far-far", ExpiresAt: time.Now().Add(365 * day)},
			{Name: "near\n", Key: "near-near-near-near", ExpiresAt: time.Now().Add(16*day + time.Hour)},
			{Name: "never", Key: "never-never-never"},
		}, Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		ctx, cancel := context.WithTimeout(t.Context(), 17*day+time.Minute)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		log := out.String()
		if soon, over := strings.Count(log, "expires soon"), strings.Count(log, "has expired"); soon != 14 || over != 1 {
			t.Errorf("%d and %d warnings: %s", soon, over, log)
		}
		if strings.Contains(log, "far") || strings.Contains(log, "never") || strings.Contains(log, "near-near") || !strings.Contains(log, "near\uFFFD") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestA39NoTimingOracle(t *testing.T) {
	// The look-up is by a keyed hash: two keys that share all but the last byte are as far apart as any two.
	p := New([]auth.APIKey{{Name: "a", Key: short}})
	a, b := p.hash(short), p.hash(short[:46]+"x")
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	if same > 8 {
		t.Errorf("%d of 32 bytes agree", same)
	}
}

// BenchmarkManyKeys: ten thousand keys cost as much as one.
func BenchmarkManyKeys(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		list := make([]auth.APIKey, n)
		for i := range list {
			list[i] = auth.APIKey{Name: fmt.Sprint(i), Key: auth.Secret(fmt.Sprintf("mmk_%043d", i))}
		}
		p := New(list)
		b.Run(fmt.Sprintf("accept/%d", n), func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Authenticate(ctx, list[n/2].Key); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("refuse/%d", n), func(b *testing.B) {
			ctx := b.Context()
			wrong := list[n/2].Key[:46] + "x"
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Authenticate(ctx, wrong)
			}
		})
	}
}

func BenchmarkAuthenticateParallel(b *testing.B) {
	p := New(keys)
	b.SetParallelism(4) // 8 goroutines on two cores
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ctx := b.Context()
		for pb.Next() {
			if _, err := p.Authenticate(ctx, short); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkPassing is what a token costs that is none of ours on its way to the next provider.
func BenchmarkPassing(b *testing.B) {
	token := auth.Secret("eyJ" + strings.Repeat("x", 400) + "." + strings.Repeat("x", 350) + ".x")
	for name, p := range map[string]*Provider{
		"plain keys":  New(keys[:1]),
		"hashed keys": New([]auth.APIKey{{Name: "h", Hash: auth.HashKey(short)}}),
	} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Authenticate(ctx, token)
			}
		})
	}
}
