package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/server"
)

// serial dials addr and returns the serial number of the certificate that it shows.
func serial(t *testing.T, addr string, cfg *tls.Config) int64 {
	t.Helper()
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func hangUp(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// B40: both servers over TLS, and what they refuse to speak.
func TestB40TLS(t *testing.T) {
	authority := newCA(t)
	_, cert, key1, _ := authority.files(t, 7)
	d := openDoors(t, authority.trust(), nil, "--tls-cert", cert, "--tls-key="+key1)
	bearer := []string{"authorization", "Bearer " + key}
	if resp, text := d.post(t, bearer...); resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Errorf("https: %s %d %q", resp.Proto, resp.StatusCode, text)
	}
	if _, _, err := d.query(t, "SELECT 1", bearer...); err != nil {
		t.Errorf("grpc+tls: %v", err)
	}
	if resp, _ := d.post(t); !strings.Contains(resp.Header.Get("WWW-Authenticate"), `resource_metadata="https://127.0.0.1:`) {
		t.Errorf("B38: %q", resp.Header.Get("WWW-Authenticate"))
	}
	httpAddr := strings.TrimPrefix(d.http, "https://")
	for name, tc := range map[string]struct {
		addr   string
		change func(*tls.Config)
		proto  string // "" means refused
	}{
		"TLS 1.1":           {httpAddr, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, ""},
		"TLS 1.1, grpc":     {d.addr, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, ""},
		"TLS 1.2":           {httpAddr, func(c *tls.Config) { c.MaxVersion, c.NextProtos = tls.VersionTLS12, []string{"h2"} }, "h2"},
		"ALPN http/1.1":     {httpAddr, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, "http/1.1"},
		"ALPN h2 for grpc":  {d.addr, func(c *tls.Config) { c.NextProtos = []string{"h2"} }, "h2"},
		"nobody's CA":       {httpAddr, func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, ""},
		"another host name": {httpAddr, func(c *tls.Config) { c.ServerName = "example.com" }, ""},
	} {
		cfg := authority.trust()
		tc.change(cfg)
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", tc.addr)
		if (err == nil) != (tc.proto != "") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if got := conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != tc.proto {
			t.Errorf("%s: protocol %q", name, got)
		}
		_ = conn.Close()
	}
	resp, err := http.Get("http://" + httpAddr + "/health") // A157: plaintext is answered, with 400
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != 400 {
		t.Errorf("plaintext: %d", resp.StatusCode)
	}
}

// B40: the files are followed on SIGHUP; a pair that does not fit together leaves the old one in use.
func TestB40Reload(t *testing.T) {
	authority := newCA(t)
	_, cert, key1, _ := authority.files(t, 7)
	d := openDoors(t, authority.trust(), []string{server.EnvTLSCert, cert, server.EnvTLSKey, key1})
	addrs := []string{strings.TrimPrefix(d.http, "https://"), d.addr}
	trust := authority.trust()
	trust.NextProtos = []string{"h2"} // for grpc
	expect := func(want int64) {
		t.Helper()
		for _, addr := range addrs {
			if got := serial(t, addr, trust); got != want {
				t.Errorf("serial %d, want %d", got, want)
			}
		}
	}
	expect(7)

	newCert, newKey := authority.issue(t, 8, nil)
	write(t, cert, newCert) // and not yet its key
	hangUp(t)
	if line := d.await("tls files NOT reloaded: they have mistakes, the old certificate stays in use"); !strings.Contains(line["err"].(string), "--tls-key") {
		t.Errorf("line %v", line)
	}
	d.await("SIGHUP: some of the configuration was not reloaded, see above")
	expect(7)

	write(t, key1, newKey)
	hangUp(t)
	d.await("tls files reloaded")
	d.await("SIGHUP: configuration reloaded")
	expect(8)

	write(t, key1, []byte("nonsense"))
	hangUp(t)
	if line := d.await("tls files NOT reloaded: they have mistakes, the old certificate stays in use"); strings.Contains(line["err"].(string), "nonsense") {
		t.Errorf("the key is logged: %v", line)
	}
	expect(8)
	if err := os.Remove(key1); err != nil {
		t.Fatal(err)
	}
	hangUp(t)
	d.await("tls files NOT reloaded: they have mistakes, the old certificate stays in use")
	expect(8)
}

// B31: a certificate of the clients' CA is a credential, on both servers, unless there is another one.
func TestB31ClientCertificates(t *testing.T) {
	authority, stranger := newCA(t), newCA(t)
	_, cert, key1, clientCA := authority.files(t, 7)
	for name, tc := range map[string]struct {
		uri, dns, cn string
		want         string // subject; "" means refused
	}{
		"URI before DNS name":   {"spiffe://example.org/ns/prod", "a.example.org", "b", "spiffe://example.org/ns/prod"},
		"DNS name before CN":    {"", "a.example.org", "b", "a.example.org"},
		"CN without SAN":        {"", "", "b", "b"},
		"a certificate of none": {"", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := authority.trust()
			cfg.Certificates = []tls.Certificate{authority.client(t, tc.uri, tc.dns, tc.cn)}
			// A3: certificates are a method of their own.
			d := openDoors(t, cfg, []string{auth.EnvAPIKeys, "", auth.EnvOIDCConfig, "", auth.EnvAdmins, ""},
				"--tls-cert", cert, "--tls-key", key1, "--tls-client-ca", clientCA)
			wantHTTP, wantGRPC := 200, codes.OK
			if tc.want == "" {
				wantHTTP, wantGRPC = 401, codes.Unauthenticated
			}
			if resp, text := d.post(t); resp.StatusCode != wantHTTP {
				t.Errorf("http %d %q", resp.StatusCode, text)
			}
			if _, _, err := d.query(t, "SELECT 1"); status.Code(err) != wantGRPC {
				t.Errorf("grpc %v", err)
			}
			if tc.want == "" {
				return
			}
			line := d.await("query audit")
			if line["user"] != tc.want || line["auth_method"] != "mtls" || line["issuer"] != "mtls" || line["admin"] != false {
				t.Errorf("audit %v", line)
			}
			for who, headers := range map[string][]string{
				"A32 a wrong token is not made good": {"authorization", "Bearer wrong"},
				"another scheme":                     {"authorization", "Basic x"},
			} {
				if resp, _ := d.post(t, headers...); resp.StatusCode != 401 {
					t.Errorf("%s: http %d", who, resp.StatusCode)
				}
				if _, _, err := d.query(t, "SELECT 1", headers...); status.Code(err) != codes.Unauthenticated {
					t.Errorf("%s: grpc %v", who, err)
				}
			}
			if _, _, err := d.query(t, "SELECT * FROM retire_partitions('x')"); status.Code(err) != codes.PermissionDenied {
				t.Errorf("A68: %v", err)
			}
		})
	}
	t.Run("strangers", func(t *testing.T) {
		d := openDoors(t, authority.trust(), nil, "--tls-cert", cert, "--tls-key", key1, "--tls-client-ca", clientCA)
		// Without a certificate other credentials work as ever.
		if resp, _ := d.post(t); resp.StatusCode != 401 {
			t.Errorf("nothing: %d", resp.StatusCode)
		}
		if resp, text := d.post(t, "Authorization", "Bearer "+key); resp.StatusCode != 200 {
			t.Errorf("key: %d %q", resp.StatusCode, text)
		}
		for name, pair := range map[string]tls.Certificate{
			"of another CA":       stranger.client(t, "", "a.example.org", ""),
			"of a server, not ok": pairOf(t, authority),
		} {
			cfg := authority.trust()
			cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // asked for or not
			transport := &http.Transport{TLSClientConfig: cfg}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.http+"/health", nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := (&http.Client{Transport: transport}).Do(req); err == nil {
				_ = resp.Body.Close()
				t.Errorf("%s: accepted", name)
			}
			transport.CloseIdleConnections()
		}
	})
}

func pairOf(t *testing.T, c *ca) tls.Certificate {
	t.Helper()
	cert, key := c.issue(t, 9, nil)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// B31: a token that is bound to a certificate is good beside that one alone, on both servers (RFC 8705).
func TestB31BoundTokens(t *testing.T) {
	authority := newCA(t)
	_, cert, key1, clientCA := authority.files(t, 7)
	mine, other := authority.client(t, "", "mine.example.org", ""), authority.client(t, "", "other.example.org", "")
	for name, tc := range map[string]struct {
		shown []tls.Certificate
		http  int
		grpc  codes.Code
	}{
		"its certificate": {[]tls.Certificate{mine}, 200, codes.OK},
		"another one":     {[]tls.Certificate{other}, 401, codes.Unauthenticated},
		"none":            {nil, 401, codes.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := authority.trust()
			cfg.Certificates = tc.shown
			d := openDoors(t, cfg, nil, "--tls-cert", cert, "--tls-key", key1, "--tls-client-ca", clientCA)
			token := d.issuer.Sign(t, authtest.Claims{"sub": "u", "cnf": map[string]any{"x5t#S256": auth.Thumbprint(mine.Leaf)}})
			bearer := []string{"authorization", "Bearer " + token}
			if resp, text := d.post(t, bearer...); resp.StatusCode != tc.http {
				t.Errorf("http %d %q", resp.StatusCode, text)
			}
			_, _, err := d.query(t, "SELECT 1", bearer...)
			if status.Code(err) != tc.grpc {
				t.Errorf("grpc %v", err)
			}
			if err == nil {
				if line := d.await("query audit"); line["user"] != "u" || line["auth_method"] != "oidc" {
					t.Errorf("the token decides who it is: %v", line)
				}
			}
		})
	}
}

// A31: a stream that was let in goes on although its key is gone; the next call is refused.
func TestA31StreamsRunToTheirEnd(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	write(t, keys, []byte(doorsKeys))
	d := openDoors(t, nil, []string{auth.EnvAPIKeys, "", auth.EnvFile(auth.EnvAPIKeys), keys})
	const rows = 200_000 // of a hundred bytes: more than flow control lets through unread
	sql := "SELECT i, repeat('x', 100) AS x FROM range(200000) t(i)"
	stream, err := d.flight.DoGet(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key), statementTicket(t, sql))
	if err != nil {
		t.Fatal(err)
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	write(t, keys, []byte(`[{"name":"second","key":"`+readerKey+`"}]`))
	hangUp(t)
	d.await("SIGHUP: configuration reloaded")
	if _, _, err := d.query(t, "SELECT 1", "authorization", "Bearer "+key); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a new call: %v", err)
	}
	var got int64
	for r.Next() {
		got += r.RecordBatch().NumRows()
	}
	if r.Err() != nil || got != rows {
		t.Errorf("%d rows, %v", got, r.Err())
	}
}

// B34: keys and issuers in files are followed on SIGHUP, on both servers; mistakes change nothing.
func TestB34Reload(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	write(t, keys, []byte(doorsKeys))
	d := openDoors(t, nil, []string{auth.EnvAPIKeys, "", auth.EnvFile(auth.EnvAPIKeys), keys})
	expect := func(credential string, wantHTTP int, wantGRPC codes.Code) {
		t.Helper()
		if resp, _ := d.post(t, "Authorization", "Bearer "+credential); resp.StatusCode != wantHTTP {
			t.Errorf("http %d, want %d", resp.StatusCode, wantHTTP)
		}
		if _, _, err := d.query(t, "SELECT 1", "authorization", "Bearer "+credential); status.Code(err) != wantGRPC {
			t.Errorf("grpc %v, want %v", err, wantGRPC)
		}
	}
	const second = "second-0123456789"
	token := d.issuer.Sign(t, authtest.Claims{"sub": "u"})
	expect(key, 200, codes.OK)
	expect(second, 401, codes.Unauthenticated)

	write(t, keys, []byte(`[{"name":"second","key":"`+second+`"}]`))
	hangUp(t)
	d.await("SIGHUP: configuration reloaded")
	expect(second, 200, codes.OK)
	expect(key, 401, codes.Unauthenticated)
	expect(token, 200, codes.OK)

	write(t, keys, []byte(`[{"name":`))
	hangUp(t)
	d.await("SIGHUP: some of the configuration was not reloaded, see above")
	expect(second, 200, codes.OK)
	expect(token, 200, codes.OK)
}

// B24: what may be secret leaves the environment once it was read.
func TestB24Unsetenv(t *testing.T) {
	unset := map[string]bool{}
	program := both
	program.Unsetenv = func(name string) error { unset[name] = true; return nil }
	p := startProgram(t, program, t.TempDir(), environment())
	p.await("listening")
	p.stop()
	p.await("drain completed")
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{auth.EnvAPIKeys, server.EnvSQL} {
		if !unset[name] {
			t.Errorf("%s stays in the environment", name)
		}
	}
}

// B40: a warning where credentials can be read on the way, and none elsewhere.
func TestB40WarningAboutPlaintext(t *testing.T) {
	authority := newCA(t)
	_, cert, key1, _ := authority.files(t, 7)
	const warning = "credentials travel in plaintext on an address that is not loopback: " +
		"let a proxy terminate TLS in front of it, or give --tls-cert and --tls-key"
	for name, tc := range map[string]struct {
		args []string
		want int
	}{
		"loopback":  {nil, 0},
		"one":       {[]string{"--listen-endpoint-http=0.0.0.0:0"}, 1},
		"both":      {[]string{"--listen-endpoint-http=:0", "--listen-endpoint-grpc=0.0.0.0:0"}, 2},
		"with TLS":  {[]string{"--listen-endpoint-http=0.0.0.0:0", "--tls-cert", cert, "--tls-key", key1}, 0},
		"anonymous": {[]string{"--listen-endpoint-http=0.0.0.0:0", "--disable-auth"}, 0}, // has a louder one, A4
	} {
		t.Run(name, func(t *testing.T) {
			p := startProgram(t, both, t.TempDir(), environment(), tc.args...)
			p.await("listening")
			p.stop()
			n := 0
			for line := range p.lines {
				if line["msg"] == warning {
					n++
				}
			}
			if err := <-p.ended; err != nil {
				t.Fatal(err)
			}
			if n != tc.want {
				t.Errorf("%d warnings, want %d", n, tc.want)
			}
		})
	}
}

func TestLoadTLSMistakes(t *testing.T) {
	authority := newCA(t)
	dir, cert, key1, _ := authority.files(t, 7)
	_, _, otherKey, _ := authority.files(t, 8)
	empty := filepath.Join(dir, "empty")
	write(t, empty, nil)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no key":            {[]string{"--tls-cert", cert}, "--tls-cert and --tls-key (MICROMEGAS_TLS_CERT_FILE and MICROMEGAS_TLS_KEY_FILE) belong together"},
		"no certificate":    {[]string{"--tls-key", key1}, "belong together"},
		"CA without TLS":    {[]string{"--tls-client-ca", cert}, "needs --tls-cert"},
		"no such file":      {[]string{"--tls-cert", filepath.Join(dir, "none"), "--tls-key", key1}, "--tls-cert: open"},
		"keys mixed up":     {[]string{"--tls-cert", cert, "--tls-key", otherKey}, "does not match"},
		"empty CA":          {[]string{"--tls-cert", cert, "--tls-key", key1, "--tls-client-ca", empty}, "no certificate in it"},
		"key in the CA":     {[]string{"--tls-cert", cert, "--tls-key", key1, "--tls-client-ca", key1}, "no certificate in it"},
		"proxies that none": {[]string{"--trusted-proxies", "10.0.0.1/8"}, auth.EnvTrustedProxies},
	} {
		_, err := server.Load(everything, tc.args, environment(), io.Discard)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
