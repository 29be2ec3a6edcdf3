package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// pair writes a certificate with its key into dir.
func pair(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// B40: a secret of Kubernetes is a link to a folder that is replaced as a whole; the next look at the files finds it.
func TestB40FollowsFiles(t *testing.T) {
	root := t.TempDir()
	link := filepath.Join(root, "..data")
	pointTo := func(dir string) {
		t.Helper()
		if err := os.Symlink(dir, link+"_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+"_tmp", link); err != nil {
			t.Fatal(err)
		}
	}
	pair(t, filepath.Join(root, "one"), 1)
	pair(t, filepath.Join(root, "two"), 2)
	pointTo("one")
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c, err := openCertificates(TLSFiles{Cert: filepath.Join(root, "tls.crt"), Key: filepath.Join(root, "tls.key")}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.Config("h2")
		serial := func() int64 {
			t.Helper()
			next, err := cfg.GetConfigForClient(&tls.ClientHelloInfo{})
			if err != nil || next.MinVersion != tls.VersionTLS12 || len(next.NextProtos) != 1 {
				t.Fatalf("config %v, %v", next, err)
			}
			return next.Certificates[0].Leaf.SerialNumber.Int64()
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		synctest.Wait()
		if serial() != 1 {
			t.Errorf("serial %d before", serial())
		}
		pointTo("two")
		time.Sleep(tlsPoll + time.Millisecond) // of the bubble's clock
		synctest.Wait()
		if serial() != 2 {
			t.Errorf("serial %d after", serial())
		}
		pointTo("none")
		time.Sleep(2 * tlsPoll)
		synctest.Wait()
		if serial() != 2 {
			t.Errorf("serial %d without files", serial())
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
