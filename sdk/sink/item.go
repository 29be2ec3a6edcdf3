package sink

import (
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// item is a block in the queue. The sink's mutex guards it, but for what a goroutine that holds it (busy) reads.
type item struct {
	kind    Kind
	events  int
	bytes   int64 // in memory, or of its file
	since   time.Time
	seq     uint64 // order of arrival; what Flush waits for
	earlier bool   // found in the spool: an earlier run left it, and nobody waits for it
	id      telemetry.BlockID
	stream  *record // nil: in a file that was not read yet

	encode  func() ([]byte, error) // nil once body is there
	release func()
	body    []byte
	file    string // path in the spool; "" when it is in memory only

	busy      bool // a request, or the spool, is at work on it
	abandoned bool // it is counted, and who is at work on it does not end; see abandon
	timeouts  int
	unknown   bool // the server did not know its stream, which was sent again
	tries

	prev, next *item
}

// tries is what is known about the failures of a request.
type tries struct {
	attempts  int       // that failed in a row
	strikes   int       // failures while the server took other things
	successes uint64    // blocks that the sink had sent at the last failure
	failure   time.Time // the last one
	notBefore time.Time // of the next attempt
}

// waits reports whether the next attempt is still to come, and when.
func (t *tries) waits(now time.Time, hurried bool) (bool, time.Time) {
	until := hurry(t.notBefore, t.failure, hurried)
	return now.Before(until), until
}

// failed notes a failure. successes is how many blocks the server took so far.
func (t *tries) failed(now time.Time, p RetryPolicy, successes uint64) {
	t.attempts++
	if t.successes != successes {
		t.strikes++
	}
	t.successes, t.failure = successes, now
	t.notBefore = now.Add(p.delay(t.attempts))
}

// alone reports whether the server took other things since t failed last.
func (t *tries) alone(successes uint64) bool { return t.attempts > 0 && t.successes != successes }

// queue is a list of items, oldest first.
type queue struct{ first, last *item }

func (q *queue) push(it *item) {
	it.prev, it.next = q.last, nil
	if q.last == nil {
		q.first = it
	} else {
		q.last.next = it
	}
	q.last = it
}

// insert puts it behind after.
func (q *queue) insert(after, it *item) {
	it.prev, it.next = after, after.next
	if after.next == nil {
		q.last = it
	} else {
		after.next.prev = it
	}
	after.next = it
}

func (q *queue) remove(it *item) {
	if it.prev == nil {
		q.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		q.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
}

// oldest returns the first item that nobody is at work on, in a file or not.
func (q *queue) oldest(inFile bool) *item {
	for it := q.first; it != nil; it = it.next {
		if !it.busy && (it.file != "") == inFile {
			return it
		}
	}
	return nil
}
