package server_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/server"
)

// A3: a catalog without a key in it is no method of authentication, and the ports stay closed.
func TestA3CatalogWithoutKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lake")
	p := start(t, dir).listening()
	p.stop()
	p.await("drain completed")
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
	opened := false
	program := ingestionOnly
	program.Roles = []server.Role{func(context.Context, *server.Base) (server.Service, error) {
		opened = true
		return nil, errors.New("not reached")
	}}
	err := server.Run(t.Context(), program, []string{"--data-dir", dir}, environment(auth.EnvAPIKeys, "[]"), io.Discard, io.Discard)
	if !errors.Is(err, auth.ErrNoMethod) || opened {
		t.Errorf("Run = %v, a server was made: %v", err, opened)
	}
}
