package auth

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// openWarningEvery is how often a server that anyone on the network can use says so again.
const openWarningEvery = time.Hour

// anyone is every caller of a server without authentication (A5).
var anyone = Identity{Subject: "unknown", Method: MethodNone, Admin: true, Roles: RoleDefault | RoleKeyManager | RoleAdmin, MayDelegate: true}

type disabled struct {
	log  *slog.Logger
	open []string // listening addresses that are not loopback
}

// Disabled returns the chain of --disable-auth: every caller, with or without a credential, is an administrator (A4, A5).
// listen are the addresses the server listens on, such as "127.0.0.1:9000" or ":50051".
//
// It warns at once; [Chain.Run] repeats the warning every hour while an address is not loopback.
func Disabled(log *slog.Logger, listen ...string) *Chain {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &disabled{log: log}
	for _, addr := range listen {
		if !loopback(addr) {
			d.open = append(d.open, addr)
		}
	}
	d.warn(context.Background())
	return &Chain{disabled: d}
}

func (d *disabled) warn(ctx context.Context) {
	if len(d.open) == 0 {
		d.log.WarnContext(ctx, "authentication is disabled: every caller is an administrator")
		return
	}
	d.log.WarnContext(ctx, "authentication is disabled on an address that is not loopback: "+
		"ANYONE who reaches it reads, writes and deletes everything", "listen", d.open)
}

func (d *disabled) run(ctx context.Context) error {
	if len(d.open) == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(openWarningEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.warn(ctx)
		}
	}
}

// loopback reports whether only this machine can reach addr. When in doubt it cannot.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return LoopbackHost(host)
}
