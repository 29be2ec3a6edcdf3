package sdkhttp_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/sdk/sdkhttp"
)

// Packages for WebSockets ask the writer itself whether they may take over the connection.
func TestHijacker(t *testing.T) {
	r, sink := newRecorder(t)
	observed := sdkhttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h, ok := w.(http.Hijacker)
		if !ok {
			w.Header().Set("Connection", "close")
			http.Error(w, "no hijacker", http.StatusInternalServerError)
			return
		}
		conn, _, err := h.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello")
	}), sdkhttp.Options{Recorder: r, Name: func(*http.Request) string { return "upgrade" }})
	ended := make(chan struct{}) // net/http knows nothing of a connection that was taken over: closing the server does not wait
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		observed.ServeHTTP(w, r)
	}))
	defer srv.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") || !strings.HasSuffix(string(answer), "hello") {
		t.Errorf("%q, %v", answer, err)
	}
	<-ended
	if p := ends(t, r, sink)["upgrade"].p; p["status"] != "101" {
		t.Errorf("%v", p)
	}

	// Where the writer cannot, nothing says that it could: handlers do without then.
	sdkhttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(http.Hijacker); ok {
			t.Error("a recorder of answers cannot be taken over")
		}
	}), sdkhttp.Options{Recorder: r}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
}
