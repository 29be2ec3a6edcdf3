package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Delays between attempts: twice the last one, up to a limit, and at random between half and all of it, so that many
// programs don't come back in step after an outage.
const (
	firstDelay     = 100 * time.Millisecond
	maxDelay       = 10 * time.Second
	requestTimeout = 10 * time.Second
)

// sender posts requests until the server has them.
type sender struct {
	base, key string
	client    *http.Client
	log       *slog.Logger
	down      bool // the last attempt failed; a change is logged, its repetitions are not
}

func newSender(c config, log *slog.Logger) *sender {
	return &sender{base: c.url, key: c.key, client: &http.Client{Timeout: requestTimeout}, log: log}
}

// refusedError says that the server will never take a request.
type refusedError struct {
	route  string
	status int
	text   string
}

func (e *refusedError) Error() string {
	fix := ""
	if e.status == http.StatusUnauthorized || e.status == http.StatusForbidden {
		fix = "; check " + envKey
	}
	return fmt.Sprintf("%s is refused with status %d: %s%s", e.route, e.status, e.text, fix)
}

// post sends body to a route, such as "insert_block", again and again until it is taken, refused, or ctx ends. The same
// bytes each time: the server knows a block that it has by its id.
func (s *sender) post(ctx context.Context, route string, body []byte) error {
	for delay := firstDelay; ; delay = min(2*delay, maxDelay) {
		wait, err := s.attempt(ctx, route, body)
		if err == nil {
			s.state(ctx, nil)
			return nil
		}
		if _, refused := err.(*refusedError); refused { //nolint:errorlint // made by attempt, unwrapped
			return err
		}
		s.state(ctx, err)
		jittered := delay/2 + rand.N(delay/2+1) //nolint:gosec // G404: spreading load needs no secrecy
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: given up: %w", route, err)
		case <-time.After(max(wait, jittered)):
		}
	}
}

// attempt sends once. wait is what the server asks for in Retry-After.
func (s *sender) attempt(ctx context.Context, route string, body []byte) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/ingestion/"+route, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if s.key != "" {
		req.Header.Set("Authorization", "Bearer "+s.key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	const shown = 300
	text, _ := io.ReadAll(io.LimitReader(resp.Body, shown)) // it only explains the status
	switch {
	case resp.StatusCode == http.StatusOK:
		return 0, nil
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode == http.StatusTooManyRequests:
		return retryAfter(resp.Header.Get("Retry-After")), fmt.Errorf("status %d: %s", resp.StatusCode, bytes.TrimSpace(text))
	default:
		return 0, &refusedError{route, resp.StatusCode, strings.TrimSpace(string(text))}
	}
}

// retryAfter reads seconds, or a date; at most a minute, and 0 when there is nothing to read.
func retryAfter(header string) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(header); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(header); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 0), time.Minute)
}

func (s *sender) state(ctx context.Context, err error) {
	if down := err != nil; down != s.down {
		s.down = down
		if down {
			s.log.WarnContext(ctx, "the server doesn't take telemetry; trying on", "err", err)
		} else {
			s.log.InfoContext(ctx, "the server takes telemetry again")
		}
	}
}
