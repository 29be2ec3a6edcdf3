// Command webserver is a web server whose requests, log and metrics arrive in the lake. It visits itself, so that there
// is something to see.
//
//	MICROMEGAS_TELEMETRY_URL=http://127.0.0.1:9000 MICROMEGAS_INGESTION_API_KEY=… webserver [address]
package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sdkhttp"
)

var (
	lookup   = sdk.Span("lookup")
	cartSize = sdk.Int("cart_size", "items")
)

func main() {
	defer sdk.Start(sdk.Config{})()
	slog.SetDefault(slog.New(sdk.NewHandler()))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := serve(ctx, append(os.Args, "127.0.0.1:0")[1]); err != nil {
		slog.Error("the web server ended", "err", err)
	}
}

func serve(ctx context.Context, address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cart/{user}", cart)
	server := &http.Server{Handler: sdkhttp.Handler(mux, sdkhttp.Options{}), ReadHeaderTimeout: time.Second}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = server.Shutdown(context.WithoutCancel(ctx)) })()
	go visit(ctx, "http://"+listener.Addr().String())
	slog.InfoContext(ctx, "serving", "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func cart(w http.ResponseWriter, r *http.Request) {
	size := rand.IntN(10) //nolint:gosec // G404: an example's numbers
	span := sdk.Leaf(r.Context(), lookup)
	time.Sleep(time.Duration(size) * time.Millisecond)
	span.End()
	cartSize.Record(int64(size))
	if size == 0 {
		slog.WarnContext(r.Context(), "the cart is empty", "user", r.PathValue("user"))
		http.Error(w, "empty", http.StatusNotFound)
	}
}

// visit makes requests until ctx ends.
func visit(ctx context.Context, url string) {
	for users := []string{"ada", "bob", "eve"}; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		path := "/cart/" + users[rand.IntN(len(users))]                              //nolint:gosec // G404: as above
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil) //nolint:gosec // G704: its own address
		if response, err := http.DefaultClient.Do(request); err == nil {             //nolint:gosec // G704: its own address
			_ = response.Body.Close()
		}
	}
}
