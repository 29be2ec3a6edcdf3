package oidc

import (
	"context"
	"errors"
	"sync"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
)

// calls lets the validation of one token happen once at a time.
type calls struct {
	mu      sync.Mutex
	running map[digest.Sum]*call
}

type call struct {
	done     chan struct{} // closed when verified and err are set
	verified *auth.Verified
	err      error
	left     bool // the caller that did the work gave up; err says nothing about the token
}

var errPanicked = errors.New("validation of the token ended in a panic")

// do returns validate's result, or that of the same call already running.
func (c *calls) do(ctx context.Context, sum digest.Sum, validate func() (*auth.Verified, error)) (*auth.Verified, error) {
	for {
		c.mu.Lock()
		running := c.running[sum]
		if running == nil {
			mine := &call{done: make(chan struct{}), err: errPanicked}
			if c.running == nil {
				c.running = make(map[digest.Sum]*call)
			}
			c.running[sum] = mine
			c.mu.Unlock()
			return c.lead(ctx, sum, mine, validate)
		}
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-running.done:
			if !running.left {
				return running.verified, running.err
			}
		}
	}
}

func (c *calls) lead(ctx context.Context, sum digest.Sum, mine *call, validate func() (*auth.Verified, error)) (*auth.Verified, error) {
	defer func() {
		mine.left = mine.err != nil && ctx.Err() != nil
		c.mu.Lock()
		delete(c.running, sum)
		c.mu.Unlock()
		close(mine.done)
	}()
	mine.verified, mine.err = validate()
	return mine.verified, mine.err
}
