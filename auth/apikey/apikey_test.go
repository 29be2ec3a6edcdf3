package apikey

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// recipe is a key as the documentation makes them: 512 bytes in base64, 684 characters.
var recipe = auth.Secret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xfb\xff\xfe\x01", 128))))

const short = auth.Secret("mmk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG") // 47 characters

var keys = []auth.APIKey{
	{Name: "short", Key: short, MayDelegate: true},
	{Name: "recipe", Key: recipe},
	{Name: "boss", Key: "boss-key-boss-key", Admin: true},
	{Name: "jwt", Key: "e30.e30.AAAA"},
}

func TestAuthenticate(t *testing.T) {
	p := New(keys)
	for name, tc := range map[string]struct {
		token auth.Secret
		want  string
	}{
		"A36 short":                     {short, "short"},
		"A22 recipe":                    {recipe, "recipe"},
		"A34 looks like a JWT":          {"e30.e30.AAAA", "jwt"},
		"A36 another last byte":         {short[:46] + "x", ""},
		"A36 another first byte":        {"x" + short[1:], ""},
		"A36 another case":              {auth.Secret(strings.ToUpper(string(short))), ""},
		"A36 longer":                    {short + "x", ""},
		"A36 shorter":                   {short[:46], ""},
		"A36 the name":                  {"short", ""},
		"A24 empty":                     {"", ""},
		"A36 two keys together":         {short + recipe, ""},
		"A36 decoded":                   {auth.Secret(strings.Repeat("\xfb\xff\xfe\x01", 128)), ""},
		"A36 blank at the end":          {short + " ", ""},
		"A36 recipe with another byte":  {recipe[:500] + "x" + recipe[501:], ""},
		"A36 not a key at all, as long": {auth.Secret(strings.Repeat("a", 47)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time it is remembered
				v, err := p.Authenticate(t.Context(), tc.token)
				if tc.want == "" {
					if !errors.Is(err, ErrUnknown) {
						t.Fatalf("Authenticate = %v", err)
					}
					continue
				}
				if err != nil || v.Identity().Subject != tc.want {
					t.Fatalf("Authenticate = %v, %v", v, err)
				}
			}
		})
	}
	if n := len(p.accepted); n != 3 {
		t.Errorf("%d keys remembered", n)
	}
}

func TestA38Identity(t *testing.T) {
	v, err := New(keys).Authenticate(t.Context(), short)
	if err != nil {
		t.Fatal(err)
	}
	want := auth.Identity{Subject: "short", Issuer: "api_key", Expiry: time.Time{}, Method: auth.MethodAPIKey, MayDelegate: true}
	if got := *v.Identity(); !reflect.DeepEqual(got, want) {
		t.Errorf("identity %+v, want %+v", got, want)
	}
}

func TestB19AdminKey(t *testing.T) {
	v, err := New(keys).Authenticate(t.Context(), "boss-key-boss-key")
	if err != nil || !v.Identity().Admin {
		t.Errorf("Authenticate = %v, %v", v, err)
	}
}

// TestB24NoKeyIsKept looks for a key in everything the provider holds.
func TestB24NoKeyIsKept(t *testing.T) {
	p := New(keys)
	if _, err := p.Authenticate(t.Context(), short); err != nil {
		t.Fatal(err)
	}
	if authtest.Holds(p, string(short), string(recipe)) {
		t.Error("a key is kept in clear")
	}
}

// TestB24TablesDiffer makes sure that a table is worth nothing outside its process.
func TestB24TablesDiffer(t *testing.T) {
	a, b := New(keys), New(keys)
	for h := range a.keys {
		if _, ok := b.keys[h]; ok {
			t.Error("two providers store a key under the same hash")
		}
	}
}

func TestConcurrent(t *testing.T) {
	p := New(keys)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if v, err := p.Authenticate(t.Context(), recipe); err != nil || v.Identity().Subject != "recipe" {
					t.Errorf("Authenticate = %v, %v", v, err)
				}
				if _, err := p.Authenticate(t.Context(), short[:46]+"x"); err == nil {
					t.Error("accepted")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkAuthenticate(b *testing.B) {
	p := New(keys)
	for name, token := range map[string]auth.Secret{
		"47 characters":  short,
		"684 characters": recipe,
		"wrong":          short[:46] + "x",
		"wrong length":   short + "x",
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
