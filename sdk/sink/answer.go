package sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// verdict is what an answer means for a request.
type verdict uint8

const (
	taken      verdict = iota // 2xx
	unreached                 // no answer, or one of somebody on the way: the server may have been restarted
	busy                      // the server is there and wants to be left alone
	odd                       // 5xx that may be about this request alone
	refused                   // our credential, or our address, is wrong
	notReady                  // no credential could be had for now
	unknown                   // a block whose stream or process the server does not know
	impossible                // this request will never be taken
)

// outcome is the end of one attempt.
type outcome struct {
	verdict verdict
	wait    time.Duration // asked for by the server
	timeout bool
	err     error // nil when taken
}

// outcomeOf reads an answer. text is the beginning of its body.
func outcomeOf(route string, resp *http.Response, text string, now time.Time) outcome {
	code := resp.StatusCode
	o := outcome{wait: retryAfter(resp.Header.Get("Retry-After"), now)}
	o.err = &statusError{route: route, code: code, text: text}
	switch {
	case code >= 200 && code < 300:
		return outcome{verdict: taken}
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		o.verdict = refused
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code == http.StatusTooEarly:
		o.verdict = busy
	case code == http.StatusServiceUnavailable, code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		o.verdict = unreached
	case code >= 500:
		o.verdict = odd
	case code >= 300 && code < 400:
		o.verdict = refused // a redirect: what we know as the server is not it
	case route == routeBlock && (code == http.StatusNotFound || code == http.StatusConflict ||
		code == http.StatusPreconditionFailed || code == http.StatusFailedDependency):
		o.verdict = unknown
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		o.verdict = refused // no ingestion server lives at this URL
	default:
		o.verdict = impossible
	}
	return o
}

// statusError is an answer other than success.
type statusError struct {
	route string
	code  int
	text  string
}

// Error says what was answered, and what to do where that is known.
func (e *statusError) Error() string {
	s := fmt.Sprintf("%s is answered %d %s", e.route, e.code, http.StatusText(e.code))
	if e.text != "" {
		s += ": " + e.text
	}
	switch {
	case e.code == http.StatusUnauthorized:
		s += "; check MICROMEGAS_INGESTION_API_KEY or the MICROMEGAS_OIDC_ variables"
	case e.code == http.StatusForbidden:
		s += "; the credential is known but may not write here"
	case e.code >= 300 && e.code < 400, e.code == http.StatusNotFound, e.code == http.StatusMethodNotAllowed:
		s += "; check MICROMEGAS_TELEMETRY_URL, it must be the ingestion server's own address"
	}
	return s
}

// failureOf says what an error without an answer means.
func failureOf(err error) outcome {
	if credential, ok := errors.AsType[*CredentialError](err); ok {
		if credential.Refused {
			return outcome{verdict: refused, wait: credential.RetryAfter, err: err}
		}
		return outcome{verdict: notReady, wait: credential.RetryAfter, err: err}
	}
	if _, ok := errors.AsType[*decoratorError](err); ok {
		return outcome{verdict: notReady, err: err}
	}
	return outcome{verdict: unreached, timeout: errors.Is(err, context.DeadlineExceeded), err: err}
}

// decoratorError marks an error of a decorator that says no more.
type decoratorError struct{ err error }

func (e *decoratorError) Error() string { return "credential: " + e.err.Error() }
func (e *decoratorError) Unwrap() error { return e.err }

// retryAfter reads seconds, or a date (RFC 9110 section 10.2.3); 0 when there is nothing to read.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if n, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(header); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// oneLine makes a text from outside fit for a message.
func oneLine(text string) string {
	const limit = 200
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
