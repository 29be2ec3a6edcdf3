package lake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
)

// keepClaim renews a claim until stop is called, so that work may take longer than its lease. The context that it returns
// ends when the claim is lost: the work would be thrown away. A renewal that fails otherwise is tried again next time.
func (l *Lake) keepClaim(ctx context.Context, renew func(context.Context) error) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(l.maintain.renewEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := renew(ctx)
			if errors.Is(err, catalog.ErrLostClaim) {
				cancel(err)
				return
			}
			if err != nil && ctx.Err() == nil {
				l.log.WarnContext(ctx, "claim not renewed", "err", err)
			}
		}
	})
	return ctx, sync.OnceFunc(func() {
		close(done)
		ended.Wait()
		cancel(nil)
	})
}
