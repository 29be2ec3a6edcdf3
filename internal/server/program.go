package server

import (
	"context"
	"io"
	"log/slog"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/keyadmin"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/uri"
)

// Program says what a binary is: what it is called, which servers it runs and where they listen by default.
type Program struct {
	Name    string // as it is typed, for example "micromegas serve"
	Summary string // one sentence for --help
	HTTP    string // default of --listen-endpoint-http; "" means that the program has no HTTP server
	GRPC    string // default of --listen-endpoint-grpc; "" means that the program answers no queries
	Version string
	Roles   []Role

	// Environ, usually os.Environ, lists the variables, so that misspelled ones are found; nil finds none.
	Environ func() []string

	// Unsetenv, usually os.Unsetenv, removes variables with secrets from the process's environment once they have been
	// read; nil leaves them. /proc still shows what the process was started with.
	Unsetenv func(string) error
}

// Role makes one of a program's servers. It opens no port.
type Role func(context.Context, *Base) (Service, error)

// Base is what the servers of one program share.
type Base struct {
	Config  Config
	Version string
	Catalog *catalog.DB
	Lake    *lake.Lake
	Auth    *auth.Chain
	Keys    *keyadmin.Keys
	TLS     *Certificates // nil: plaintext
	Stores  uri.Options   // how stores are reached beside the lake's
	Log     *slog.Logger
}

// Service is a server in the making.
type Service interface {
	// Listen opens the ports.
	Listen(context.Context) error
	// Serve answers until ctx ends, lets what is under way go on for Config.Grace, and returns nil.
	Serve(context.Context) error
	// Close closes the ports of a service that is not going to serve. It may be called twice.
	io.Closer
}
