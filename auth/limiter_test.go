package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// oneKey accepts "good" and nothing else.
type oneKey struct{ verified *Verified }

var errNotGood = errors.New("not good")

func (oneKey) Method() Method { return MethodAPIKey }

func (k oneKey) Authenticate(_ context.Context, token Secret) (*Verified, error) {
	if token == "good" {
		return k.verified, nil
	}
	return nil, errNotGood
}

// limited is a chain with a clock that tests move, at 2 failures/s and 5 at once.
func limited() (*Chain, *time.Time) {
	now := time.Unix(1_000_000, 0)
	return NewChainOf(Setup{
		Providers: []Provider{oneKey{NewVerified(Identity{Method: MethodAPIKey})}},
		Limits:    Limits{FailuresPerSecond: 2, FailureBurst: 5},
		Now:       func() time.Time { return now },
	}), &now
}

func try(t *testing.T, c *Chain, addr, token string) fault.Kind {
	t.Helper()
	ctx := t.Context()
	if addr != "" {
		ctx = WithClient(ctx, netip.MustParseAddr(addr), addr)
	}
	_, err := c.Authenticate(ctx, []string{"Bearer " + token})
	if err == nil {
		return -1
	}
	if fault.KindOf(err) == fault.Exhausted && (fault.Of(err).RetryAfter <= 0 || !errors.Is(err, errNotGood)) {
		t.Errorf("too many: %+v", fault.Of(err))
	}
	return fault.KindOf(err)
}

func TestB25FailuresAreLimited(t *testing.T) {
	c, now := limited()
	must := func(addr, token string, want fault.Kind) {
		t.Helper()
		if got := try(t, c, addr, token); got != want {
			t.Fatalf("%s %s: %v, want %v", addr, token, got, want)
		}
	}
	for range 5 {
		must("192.0.2.1", "bad", fault.Unauthenticated)
	}
	must("192.0.2.1", "bad", fault.Exhausted)
	must("192.0.2.1", "good", -1)                   // valid credentials never
	must("192.0.2.2", "bad", fault.Unauthenticated) // nor others
	*now = now.Add(499 * time.Millisecond)
	must("192.0.2.1", "bad", fault.Exhausted)
	*now = now.Add(time.Millisecond)
	must("192.0.2.1", "bad", fault.Unauthenticated)
	must("192.0.2.1", "bad", fault.Exhausted)
	*now = now.Add(time.Hour)
	for range 5 { // no more than the burst
		must("192.0.2.1", "bad", fault.Unauthenticated)
	}
	must("192.0.2.1", "bad", fault.Exhausted)
	*now = now.Add(-2 * time.Hour) // a clock that is set back must not lock anybody out for longer, nor panic
	must("192.0.2.1", "bad", fault.Exhausted)
	*now = now.Add(time.Second)
	must("192.0.2.1", "bad", fault.Unauthenticated)
	if n := c.Stats().Limited; n != 5 {
		t.Errorf("%d limited", n)
	}
}

func TestB25Whom(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second string
		shared        bool
	}{
		"B25 a /64 is one host":       {"2001:db8::1", "2001:db8::ffff:1", true},
		"B25 another /64":             {"2001:db8::1", "2001:db8:0:1::1", false},
		"B25 IPv4 neighbours are not": {"192.0.2.1", "192.0.2.2", false},
	} {
		c, _ := limited()
		for range 6 {
			try(t, c, tc.first, "bad")
		}
		if got := try(t, c, tc.second, "bad") == fault.Exhausted; got != tc.shared {
			t.Errorf("%s: limited %v", name, got)
		}
	}
}

// TestB25NoCredentialIsNoFailure and neither is a caller of unknown address, whom we could not tell from others.
func TestB25NoCredentialIsNoFailure(t *testing.T) {
	c, _ := limited()
	ctx := WithClient(t.Context(), netip.MustParseAddr("192.0.2.1"), "192.0.2.1:1")
	for range 50 {
		if _, err := c.Authenticate(ctx, nil); fault.KindOf(err) != fault.Unauthenticated {
			t.Fatal(err)
		}
		if got := try(t, c, "", "bad"); got != fault.Unauthenticated {
			t.Fatal(got)
		}
	}
	if n := c.limiter.len(); n != 0 {
		t.Errorf("%d buckets", n)
	}
}

// TestB25HiddenClient: a client that hides behind contradicting headers is counted by its proxy.
func TestB25HiddenClient(t *testing.T) {
	c, _ := limited()
	s := c.Setup()
	s.Proxies = Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	c.Swap(s)
	call := Call{Authorization: []string{"Bearer bad"}, Peer: "10.0.0.1:1", Header: func(name string) []string {
		return map[string][]string{"X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.2"}}[name]
	}}
	var err error
	for range 6 {
		_, err = c.Admit(t.Context(), call)
	}
	if fault.KindOf(err) != fault.Exhausted {
		t.Errorf("Admit = %v", err)
	}
}

// TestB25Memory sends failures from more addresses than are remembered.
func TestB25Memory(t *testing.T) {
	var l limiter
	limits := Limits{FailuresPerSecond: 1, FailureBurst: 3}
	now := time.Unix(0, 0)
	for n := range 3 * mostBuckets {
		l.fail(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), limits, now)
		if n%1000 == 0 && l.len() > mostBuckets {
			t.Fatalf("%d buckets", l.len())
		}
	}
	if n := l.len(); n != mostBuckets {
		t.Errorf("%d buckets", n)
	}
	// Those that are full again are as good as none.
	now = now.Add(time.Minute)
	l.fail(netip.MustParseAddr("192.0.2.1"), limits, now)
	if n := l.len(); n != 1 {
		t.Errorf("%d buckets after a minute of peace", n)
	}
}

func TestB25Off(t *testing.T) {
	c, _ := limited()
	s := c.Setup()
	s.Limits = Limits{}
	c.Swap(s)
	for range 1000 {
		if got := try(t, c, "192.0.2.1", "bad"); got != fault.Unauthenticated {
			t.Fatal(got)
		}
	}
}

// TestB37SentinelIsConstant: what wraps a rule may hold anything, the counter has the rule.
func TestB37SentinelIsConstant(t *testing.T) {
	rule := errors.New("rule")
	for _, err := range []error{
		rule, fmt.Errorf("at 7: %w", rule), fmt.Errorf("%w: %w", rule, errors.New("line 3")),
		&Refusal{Err: rule}, &Refusal{Err: fmt.Errorf("%w: %w", rule, errors.New("x"))},
	} {
		if got := sentinel(err); got != "rule" {
			t.Errorf("sentinel(%v) = %q", err, got)
		}
	}
	var tl tally
	for n := range 3 * mostDecisions {
		tl.refused(MethodOIDC, fmt.Errorf("reason %d", n))
	}
	if n := len(tl.refusals); n > mostDecisions+1 {
		t.Errorf("%d reasons", n)
	}
}
