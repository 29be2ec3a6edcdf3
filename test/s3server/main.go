// Command s3server is an S3 service in memory for tests of several processes: it listens on the loopback address that is its
// first argument and has one bucket, lake.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "s3server:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("give an address to listen on, not %d arguments", len(args))
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		return err
	}
	server := &http.Server{Addr: args[0], Handler: gofakes3.New(backend).Server(), ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}
