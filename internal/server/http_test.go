package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/server"
)

func serveHTTP(t *testing.T, h http.Handler, grace time.Duration) (addr string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.ServeHTTP(ctx, l, h, grace, slog.New(slog.DiscardHandler)) }()
	return l.Addr().String(), func() error { cancel(); return <-ended }
}

func TestServeHTTPProtocols(t *testing.T) {
	addr, stop := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}), time.Minute)
	for want, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		set(transport.Protocols)
		resp, err := (&http.Client{Transport: transport}).Get("http://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(text) != want {
			t.Errorf("spoke %s, want %s", text, want)
		}
		defer transport.CloseIdleConnections()
	}
	if err := stop(); err != nil { // with both connections idle and open
		t.Errorf("ServeHTTP = %v", err)
	}
}

// After the grace period, handlers see their context end and are waited for.
func TestServeHTTPWaitsForHandlers(t *testing.T) {
	for name, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2":   func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			entered := make(chan struct{})
			returned := false // written before the handler returns, read after ServeHTTP has: the race detector checks
			addr, stop := serveHTTP(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(entered)
				<-r.Context().Done()
				returned = true
			}), 0)
			transport := &http.Transport{Protocols: new(http.Protocols)}
			set(transport.Protocols)
			defer transport.CloseIdleConnections()
			done := make(chan struct{})
			go func() {
				defer close(done)
				resp, err := (&http.Client{Transport: transport}).Get("http://" + addr)
				if err == nil {
					_ = resp.Body.Close()
				}
			}()
			<-entered
			if err := stop(); !errors.Is(err, server.ErrGraceElapsed) {
				t.Errorf("ServeHTTP = %v, want %v", err, server.ErrGraceElapsed)
			}
			if !returned {
				t.Error("ServeHTTP returned before the handler")
			}
			<-done
		})
	}
}
