package sink

import (
	"math/rand/v2"
	"time"
)

const (
	// heldFor is how long the sink waits at least after the server, or the identity provider, refused its credential:
	// somebody has to change something first.
	heldFor = time.Minute
	// maxRetryAfter limits what a server may ask for.
	maxRetryAfter = 10 * time.Minute
	// hurriedDelay limits the delay while somebody waits in Flush or Shutdown.
	hurriedDelay = time.Second
	// oddLimit is how many strange answers in a row mean that the server, and not one request, is at fault.
	oddLimit = 3
)

// state is what the sink thinks of the server.
type state uint8

const (
	up   state = iota
	down       // it does not answer, or asks to be left alone
	held       // it answers that it will not listen to us
)

func (s state) String() string {
	switch s {
	case down:
		return "down"
	case held:
		return "held"
	default:
		return "up"
	}
}

// gate is the circuit breaker of the server: when it is not up, one request at a time finds out whether it is again, and
// everything else waits in the queue. The sink's mutex guards it.
type gate struct {
	policy RetryPolicy

	state   state
	since   time.Time // when it was up last
	tripped time.Time // the last failure
	until   time.Time // no request before
	asked   bool      // until is what the server wants
	trips   int       // failures in a row
	odd     int       // strange answers in a row
	probing bool
	era     uint64 // counts changes; a request of an earlier era says nothing new
	err     error  // why it is not up
}

// allow reports whether a request may begin now, and otherwise when.
func (g *gate) allow(now time.Time, hurried bool) (ok bool, at time.Time) {
	if g.state == up {
		return true, time.Time{}
	}
	if g.probing {
		return false, time.Time{} // its end wakes the sink
	}
	until := g.until
	if !g.asked && g.state == down {
		until = hurry(until, g.tripped, hurried)
	}
	return !now.Before(until), until
}

// succeed notes that the server took something.
func (g *gate) succeed() {
	g.odd = 0
	if g.state == up {
		return
	}
	g.era++
	g.state, g.trips, g.err, g.asked = up, 0, nil, false
}

// pass notes that the server took a record, which is not yet what matters: it may take records and no blocks. The next
// request may begin, and no failure is forgotten.
func (g *gate) pass(now time.Time) {
	if g.state != up {
		g.until, g.asked = now, false
	}
}

// fail notes a failure of a request that began in era. wait is what the server asked for.
func (g *gate) fail(now time.Time, era uint64, wait time.Duration, err error) {
	if era != g.era {
		return // others that began with it have said so
	}
	g.trip(now, down, err)
	g.until = now.Add(g.policy.delay(g.trips))
	g.asked = wait > 0
	if g.asked {
		wait = min(wait, maxRetryAfter)
		g.until = now.Add(wait + rand.N(wait/10+1)) //nolint:gosec // G404: spreading load needs no secrecy
	}
}

// oddity notes an answer that may be about one request or about the server.
func (g *gate) oddity(now time.Time, era uint64, wait time.Duration, err error) {
	if g.odd++; g.odd >= oddLimit || g.state != up || wait > 0 {
		g.fail(now, era, wait, err)
	}
}

// hold notes that the server will not listen to us.
func (g *gate) hold(now time.Time, era uint64, wait time.Duration, err error) {
	if era != g.era {
		return
	}
	g.trip(now, held, err)
	wait = min(max(wait, heldFor), maxRetryAfter)
	g.until = now.Add(wait + rand.N(wait/10+1)) //nolint:gosec // G404: spreading load needs no secrecy
	g.asked = false
}

func (g *gate) trip(now time.Time, s state, err error) {
	if g.state == up {
		g.since = now
	}
	g.tripped = now
	g.era++
	g.trips++
	g.state, g.err = s, err
}

// hurry is until, or, when somebody waits in Flush, a moment soon after the failure.
func hurry(until, failure time.Time, hurried bool) time.Time {
	if soon := failure.Add(hurriedDelay); hurried && until.After(soon) {
		return soon
	}
	return until
}

// delay is how long to wait after n failures in a row: at random between half and all of what doubles each time.
func (p RetryPolicy) delay(n int) time.Duration {
	d := p.First
	for range n - 1 {
		if d >= p.Max/2 {
			d = p.Max
			break
		}
		d *= 2
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // G404: spreading load needs no secrecy
}
