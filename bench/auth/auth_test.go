package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// world is a chain as a server has it, and an issuer.
type world struct {
	issuer *authtest.Issuer
	chain  *auth.Chain
	token  string
	key    string
}

// newWorld configures one issuer and a number of keys; settings are further members of the issuers' object.
func newWorld(b *testing.B, keys int, settings string) *world {
	b.Helper()
	w := &world{issuer: authtest.New(b)}
	type entry struct {
		Name string `json:"name"`
		Key  string `json:"key"`
	}
	list := make([]entry, keys)
	for i := range list {
		list[i] = entry{fmt.Sprintf("key %d", i), fmt.Sprintf("mmk_%043d", i)}
	}
	w.key = list[keys/2].Key
	text, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	cfg, _, err := auth.LoadConfig(func(name string) string {
		switch name {
		case auth.EnvAPIKeys:
			return string(text)
		case auth.EnvOIDCConfig:
			return strings.TrimSuffix(strings.TrimSpace(w.issuer.Config()), "}") + settings + "}"
		case auth.EnvAdmins:
			return `["root@example.com"]`
		}
		return ""
	})
	if err != nil {
		b.Fatal(err)
	}
	w.chain = authenv.New(cfg, authenv.Options{})
	b.Cleanup(func() { _ = w.chain.Close() })
	// Some 700 bytes, the size of Google's ID tokens.
	w.token = w.issuer.Sign(b, authtest.Claims{
		"sub": "110169484474386276334", "email": "alice@example.com", "email_verified": true, "name": "Alice Example",
		"at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "azp": "407408718192.apps.googleusercontent.com",
	})
	return w
}

// accept returns a call that authenticates credential and fails the benchmark if it is refused.
func (w *world) accept(b *testing.B, credential string) func() {
	b.Helper()
	header := []string{"Bearer " + credential}
	ctx := b.Context()
	return func() {
		if _, err := w.chain.Authenticate(ctx, header); err != nil {
			b.Error(err)
		}
	}
}

// compare runs batches of bare and whole in turn and reports the fastest of each for one call, their ratio, and what whole
// allocates.
func compare(b *testing.B, batch int, bare, whole func()) {
	b.Helper()
	whole() // fills caches
	allocs := testing.AllocsPerRun(10, whole)
	least := [2]time.Duration{1 << 62, 1 << 62}
	for b.Loop() {
		for i, call := range []func(){bare, whole} {
			begin := time.Now()
			for range batch {
				call()
			}
			least[i] = min(least[i], time.Since(begin))
		}
	}
	b.ReportMetric(float64(least[0].Nanoseconds())/float64(batch), "bare-ns")
	b.ReportMetric(float64(least[1].Nanoseconds())/float64(batch), "whole-ns")
	b.ReportMetric(float64(least[1])/float64(least[0]), "ratio")
	b.ReportMetric(allocs, "allocs")
	b.ReportMetric(0, "ns/op")
}

// clockAndMAC is what accepting a credential cannot do without: what time it is, and a keyed hash to find it by.
func clockAndMAC(credential string) func() {
	mac := hmac.New(sha256.New, make([]byte, sha256.Size))
	text := []byte(credential)
	sum := make([]byte, 0, sha256.Size)
	return func() {
		_ = time.Now()
		mac.Reset()
		_, _ = mac.Write(text) // a hash never fails
		sum = mac.Sum(sum[:0])
	}
}

// BenchmarkAcceptToken is a token that was seen before, against the clock and an HMAC.
func BenchmarkAcceptToken(b *testing.B) {
	w := newWorld(b, 1, "")
	compare(b, 1000, clockAndMAC(w.token), w.accept(b, w.token))
}

// BenchmarkAcceptKey is an API key, against the clock and an HMAC.
func BenchmarkAcceptKey(b *testing.B) {
	w := newWorld(b, 1, "")
	compare(b, 1000, clockAndMAC(w.key), w.accept(b, w.key))
}

// BenchmarkManyKeys is one of ten thousand keys, against the only one.
func BenchmarkManyKeys(b *testing.B) {
	one, many := newWorld(b, 1, ""), newWorld(b, 10_000, "")
	compare(b, 1000, one.accept(b, one.key), many.accept(b, many.key))
}

// BenchmarkContention is the same number of calls from eight goroutines, against one: 1 divided by the number of cores is
// perfect, more than 1 would be a lock that everybody waits for.
func BenchmarkContention(b *testing.B) {
	for _, of := range []string{"token", "key"} {
		b.Run(of, func(b *testing.B) {
			w := newWorld(b, 1, "")
			accept := w.accept(b, map[string]string{"token": w.token, "key": w.key}[of])
			const goroutines, calls = 8, 2000
			alone := func() {
				for range goroutines * calls {
					accept()
				}
			}
			together := func() {
				var wg sync.WaitGroup
				for range goroutines {
					wg.Go(func() {
						for range calls {
							accept()
						}
					})
				}
				wg.Wait()
			}
			accept()
			compare(b, 1, alone, together)
		})
	}
}

// BenchmarkFirstRS256 is a token that was never seen, against its signature alone.
func BenchmarkFirstRS256(b *testing.B) {
	w := newWorld(b, 1, `, "token_cache_size": 0`)
	dot := strings.LastIndexByte(w.token, '.')
	signed := []byte(w.token[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(w.token[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	key := w.issuer.Key().Public().(*rsa.PublicKey)
	compare(b, 20, func() {
		sum := sha256.Sum256(signed)
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
			b.Error(err)
		}
	}, w.accept(b, w.token))
}

// nothing is a lake that is as fast as can be: the request costs what network and parsing cost.
type nothing struct{}

func (nothing) InsertProcess(context.Context, telemetry.Process) error      { return nil }
func (nothing) InsertStream(context.Context, telemetry.Stream) error        { return nil }
func (nothing) Append(context.Context, telemetry.Block, wire.Payload) error { return nil }
func (nothing) Ready(context.Context) error                                 { return nil }

// BenchmarkShareOfRequest is accepting a credential, and beside it all that the door does for a request, with its context,
// journal and headers, against an insert_block request of 64 KiB over loopback into a lake that costs nothing. The promise
// is a ratio below 0.01 for the former.
func BenchmarkShareOfRequest(b *testing.B) {
	for _, of := range []string{"token", "key"} {
		b.Run(of, func(b *testing.B) {
			w := newWorld(b, 1, "")
			credential := map[string]string{"token": w.token, "key": w.key}[of]
			door := authhttp.New(w.chain, authhttp.Options{Role: auth.RoleWriter})
			server := httptest.NewServer(ingest.New(nothing{}, ingest.Options{}).Handler())
			defer server.Close()
			body := block()
			post := func() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/ingestion/insert_block", bytes.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				answer, err := server.Client().Do(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
					b.Fatal(answer.Status)
				}
			}
			protected := door.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r := httptest.NewRequest(http.MethodPost, "/ingestion/insert_block", http.NoBody)
			rw := httptest.NewRecorder()
			values := []string{"Bearer " + credential}
			b.Run("accept", func(b *testing.B) { compare(b, 20, post, w.accept(b, credential)) })
			b.Run("door", func(b *testing.B) {
				compare(b, 20, post, func() {
					r.Header["Authorization"] = values // the door takes it away
					protected.ServeHTTP(rw, r)
				})
			})
		})
	}
}

// block is the body of a request with some 64 KiB of payload.
func block() []byte {
	source := load.NewSource(1, telemetry.Time(0))
	blk, payload := source.Block(1)
	for n := 1000; len(wire.EncodeBlock(blk, payload)) < 64<<10; n *= 2 {
		blk, payload = source.Block(n)
	}
	return wire.EncodeBlock(blk, payload)
}
