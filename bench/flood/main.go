// Command flood measures what a flood of bad tokens does to good callers: ten thousand different tokens of a configured
// issuer with wrong signatures, as fast as they are refused, from the same address as the good callers.
//
//	make build && go run ./bench/flood
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func main() { load.Main("flood", run) }

type options struct {
	tokens, floods, callers, calls int
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("flood", flag.ContinueOnError)
	binary := flags.String("server", "bin/telemetry-ingestion-srv", "the server to measure")
	flags.IntVar(&o.tokens, "tokens", 10_000, "different bad tokens")
	flags.IntVar(&o.floods, "floods", 4, "connections that send them")
	flags.IntVar(&o.callers, "callers", 2, "good callers, one with a key and one with a token in turn")
	flags.IntVar(&o.calls, "calls", 3000, "requests of each good caller, with and without the flood")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-flood-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	issuer := authtest.Start()
	defer issuer.Close()
	if err := os.Setenv("MICROMEGAS_OIDC_CONFIG", issuer.Config()); err != nil {
		return err
	}
	server, err := load.Start(ctx, folder, *binary, false, "--log-level", "error")
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()

	good, err := token(ctx, issuer)
	if err != nil {
		return err
	}
	if _, err := o.good(ctx, server, good); err != nil { // warm up
		return err
	}
	calm, err := o.good(ctx, server, good)
	if err != nil {
		return err
	}
	discovery, keys := issuer.Requests()
	flooding, end := context.WithCancel(ctx)
	var sent atomic.Int64
	var flood sync.WaitGroup
	for n := range o.floods {
		flood.Go(func() { o.flood(flooding, server, good, n, &sent) })
	}
	flooded, err := o.good(ctx, server, good)
	end()
	flood.Wait()
	if err != nil {
		return err
	}
	peak, err := server.PeakMemory()
	if err != nil {
		return err
	}
	fmt.Printf("good callers: p50 %.2f ms, p99 %.2f ms calm; p50 %.2f ms, p99 %.2f ms while %d bad tokens came (p99 ratio %.2f)\n",
		ms(calm, 0.5), ms(calm, 0.99), ms(flooded, 0.5), ms(flooded, 0.99), sent.Load(), ms(flooded, 0.99)/ms(calm, 0.99))
	discoveryAfter, keysAfter := issuer.Requests()
	fmt.Printf("the flood cost the issuer %d requests; peak memory of the server %d MiB\n",
		discoveryAfter-discovery+keysAfter-keys, peak>>20)
	return nil
}

// token gets an access token of the issuer.
func token(ctx context.Context, issuer *authtest.Issuer) (string, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {authtest.ClientID}, "client_secret": {authtest.ClientSecret},
		"audience": {issuer.Audience},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer.TokenEndpoint(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token endpoint: %s", resp.Status)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.AccessToken, err
}

// good returns the sorted latencies of all good callers.
func (o options) good(ctx context.Context, server *load.Server, token string) ([]time.Duration, error) {
	body := wire.EncodeProcess(load.NewSource(1, telemetry.TimeOf(time.Now())).Process)
	var mu sync.Mutex
	var all []time.Duration
	var errs []error
	var wg sync.WaitGroup
	for n := range o.callers {
		credential := []string{load.Key, token}[n%2]
		wg.Go(func() {
			took := make([]time.Duration, 0, o.calls)
			for range o.calls {
				began := time.Now()
				if err := server.PostAs(ctx, credential, "insert_process", body); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
				took = append(took, time.Since(began))
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	slices.Sort(all)
	return all, errors.Join(errs...)
}

// flood sends different bad tokens until ctx ends or they are used up.
func (o options) flood(ctx context.Context, server *load.Server, good string, seed int, sent *atomic.Int64) {
	r := rand.New(rand.NewPCG(uint64(seed), 7)) // repeatable on purpose
	signed, _, _ := strings.Cut(good[strings.Index(good, ".")+1:], ".")
	head := good[:strings.Index(good, ".")] + "." + signed + "."
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	signature := make([]byte, 256)
	for sent.Add(1) <= int64(o.tokens) {
		for i := range signature {
			signature[i] = byte(r.Uint32())
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server.HTTP+"/ingestion/insert_process", http.NoBody)
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+head+base64.RawURLEncoding.EncodeToString(signature))
		resp, err := client.Do(req)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	sent.Add(-1)
}

func ms(sorted []time.Duration, q float64) float64 {
	return sorted[int(q*float64(len(sorted)-1))].Seconds() * 1e3
}
