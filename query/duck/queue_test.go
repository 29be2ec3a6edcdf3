package duck

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// enterLater enters in the background and reports on the channel.
func enterLater(ctx context.Context, q *queue, caller string, order chan<- string) {
	go func() {
		if err := q.enter(ctx, caller); err == nil {
			order <- caller
		} else {
			order <- "refused " + caller
		}
	}()
	synctest.Wait()
}

// A caller with many queries does not keep another one waiting, and callers take turns.
func TestQueueTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Options{MaxConcurrent: 3}.withDefaults())
		order := make(chan string, 20)
		for range 5 {
			enterLater(t.Context(), q, "many", order)
		}
		if len(order) != 2 { // all slots but one
			t.Fatalf("%d queries of one caller run at the same time", len(order))
		}
		enterLater(t.Context(), q, "one", order)
		if len(order) != 3 {
			t.Fatal("the last slot was not free for another caller")
		}
		enterLater(t.Context(), q, "two", order)
		enterLater(t.Context(), q, "two", order)
		for range 3 {
			<-order
		}
		var got []string
		q.leave("many")
		for len(got) < 5 {
			caller := <-order
			got = append(got, caller)
			q.leave(caller)
		}
		want := []string{"many", "two", "many", "two", "many"}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("order %v, want %v", got, want)
			}
		}
		q.leave("many")
		q.leave("one")
		if q.running != 0 || q.queued != 0 || len(q.callers) != 0 || len(q.turns) != 0 {
			t.Fatalf("left: %+v", q)
		}
	})
}

func TestQueueBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Options{MaxConcurrent: 1, MaxWaiting: 3, CallerWaiting: 2}.withDefaults())
		order := make(chan string, 20)
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			enterLater(ctx, q, "a", order) // one runs, two wait
		}
		if err := q.enter(t.Context(), "a"); fault.KindOf(err) != fault.Exhausted || fault.Of(err).RetryAfter <= 0 {
			t.Fatalf("a caller's own bound: %v", err)
		}
		enterLater(t.Context(), q, "b", order)
		if err := q.enter(t.Context(), "c"); fault.KindOf(err) != fault.Exhausted {
			t.Fatalf("the bound of all: %v", err)
		}
		cancel() // those of a that wait go
		synctest.Wait()
		q.leave("a")
		synctest.Wait()
		if q.running != 1 || q.queued != 0 || q.callers["b"] == nil {
			t.Fatalf("b did not get the slot: %+v", q)
		}
		q.leave("b")
		if len(q.callers) != 0 {
			t.Fatalf("left: %+v", q.callers)
		}
	})
}
