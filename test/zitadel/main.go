// Command zitadel is a second real OpenID provider for the system tests: the example provider of
// github.com/zitadel/oidc on a loopback port. Client credentials in, RS256 access tokens out.
//
// It prints one line of JSON that says where it listens and which clients it knows, as test/oidc does, then serves until
// SIGTERM. On SIGHUP it signs with a new key, forgets the old one and prints another line.
//
// It is a module of its own so that nothing it needs enters the module graph of the product.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "zitadel:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String()
	s := &store{Storage: storage.NewStorage(storage.NewUserStore(issuer + "/")), clients: clients()}
	if err := s.rotate(); err != nil {
		return err
	}
	var secret [32]byte // encrypts opaque tokens
	_, _ = rand.Read(secret[:])
	provider, err := op.NewProvider(&op.Config{CryptoKey: secret, AuthMethodPost: true}, s, op.StaticIssuer(issuer),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: provider, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })

	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/oauth/token", "audience": audience, "clients": s.clients,
	}); err != nil {
		return err
	}
	go func() {
		for range hup {
			err := s.rotate()
			_ = out.Encode(map[string]bool{"rotated": err == nil})
		}
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
