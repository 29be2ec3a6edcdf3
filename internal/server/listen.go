package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens addr, which was given with flag (without hyphens).
func Listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program; stop that one or choose another address with --%s: %w", addr, flag, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine has no address %s; choose another with --%s: %w", addr, flag, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("no permission to listen on %s; choose a port above 1023 with --%s: %w", addr, flag, err)
	default:
		return nil, fmt.Errorf("listen on %s (--%s): %w", addr, flag, err)
	}
}

// The flags of the listeners, for [Listen].
const (
	FlagHTTP   = flagHTTP
	FlagGRPC   = flagGRPC
	FlagHealth = flagHealth
)

// taken says which of the configured addresses cannot be listened on.
func (c *Config) taken(ctx context.Context) error {
	var errs []error
	for _, at := range c.listeners() {
		l, err := Listen(ctx, at.flag, at.addr)
		errs = append(errs, err, CloseListener(l))
	}
	return errors.Join(errs...)
}

// CloseListener closes l, which may be nil or closed already.
func CloseListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
