package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tlsPoll is how often the files are looked at.
const tlsPoll = 10 * time.Second

// TLSFiles are the files of the listeners that carry credentials; empty means plaintext.
type TLSFiles struct {
	Cert     string // PEM, the server's certificate first
	Key      string // PEM
	ClientCA string // PEM; certificates of clients that it signed are credentials (B31). Empty means none are asked for
}

// Certificates are the server's certificate, key and CA of clients. They follow their files (B40): these are read and
// compared by their contents, so it does not matter how they are replaced, in place, by renaming, or by the symbolic links
// of Kubernetes. What does not fit together is not taken, the old ones stay in use.
//
// A connection goes on with what it began with; renewed certificates of clients need a new one.
type Certificates struct {
	files TLSFiles
	log   *slog.Logger

	mu        sync.Mutex
	loaded    tlsPair
	refused   [sha256.Size]byte // of contents that were found wrong, so that the same mistake is not logged at every look
	listeners []*tlsListener
}

// tlsPair is what the files hold.
type tlsPair struct {
	digest    [sha256.Size]byte
	cert      tls.Certificate
	clientCAs *x509.CertPool // nil: clients are not asked for certificates
}

// tlsListener is a listener's configuration: that of the next connection.
type tlsListener struct {
	protocols []string
	next      atomic.Pointer[tls.Config]
}

// openCertificates reads the files; nil when there are none.
func openCertificates(files TLSFiles, log *slog.Logger) (*Certificates, error) {
	if files.Cert == "" {
		return nil, nil //nolint:nilnil // plaintext
	}
	c := &Certificates{files: files, log: log}
	data, digest, err := c.read()
	if err != nil {
		return nil, err
	}
	c.loaded, err = parsePair(data, digest)
	return c, err
}

// read returns the contents of the files, in order of TLSFiles, and their digest.
func (c *Certificates) read() (data [3][]byte, digest [sha256.Size]byte, err error) {
	h := sha256.New()
	var errs []error
	for i, f := range []struct{ flag, path string }{
		{flagTLSCert, c.files.Cert}, {flagTLSKey, c.files.Key}, {flagTLSClientCA, c.files.ClientCA},
	} {
		if f.path == "" {
			continue
		}
		text, err := os.ReadFile(f.path)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", f.flag, err))
		}
		data[i] = text
		_, _ = fmt.Fprintf(h, "%d %d %v\n", i, len(text), err) // a hash never fails
		_, _ = h.Write(text)
	}
	h.Sum(digest[:0])
	return data, digest, errors.Join(errs...)
}

func parsePair(data [3][]byte, digest [sha256.Size]byte) (tlsPair, error) {
	p := tlsPair{digest: digest}
	var err error
	// The error does not quote the key.
	if p.cert, err = tls.X509KeyPair(data[0], data[1]); err != nil {
		return p, fmt.Errorf("--%s and --%s: %w", flagTLSCert, flagTLSKey, err)
	}
	if data[2] == nil {
		return p, nil
	}
	p.clientCAs = x509.NewCertPool()
	if !p.clientCAs.AppendCertsFromPEM(data[2]) {
		return p, fmt.Errorf("--%s: there is no certificate in it; PEM is expected", flagTLSClientCA)
	}
	return p, nil
}

// Config returns the configuration of a listener that speaks protocols, the preferred one first; nil when c is nil,
// which means plaintext.
func (c *Certificates) Config(protocols ...string) *tls.Config {
	if c == nil {
		return nil
	}
	l := &tlsListener{protocols: protocols}
	c.mu.Lock()
	c.listeners = append(c.listeners, l)
	l.next.Store(c.loaded.config(protocols))
	c.mu.Unlock()
	outer := l.next.Load().Clone()
	// Each connection gets the configuration of its time. Tickets to resume sessions are those of one configuration, so
	// a CA of clients that is gone is gone for resumed sessions too.
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.next.Load(), nil }
	return outer
}

func (p tlsPair) config(protocols []string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, Certificates: []tls.Certificate{p.cert}}
	if p.clientCAs != nil {
		// Other ways to authenticate stay open, so a certificate is welcome and not required.
		cfg.ClientAuth, cfg.ClientCAs = tls.VerifyClientCertIfGiven, p.clientCAs
	}
	return cfg
}

// Reload reads the files now. The error says what is wrong with them; the old contents are then in use.
func (c *Certificates) Reload(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	data, digest, err := c.read()
	if digest == c.loaded.digest {
		c.refused = [sha256.Size]byte{}
		return nil
	}
	var p tlsPair
	if err == nil {
		p, err = parsePair(data, digest)
	}
	if err != nil {
		if digest != c.refused {
			c.refused = digest
			c.log.ErrorContext(ctx, "tls files NOT reloaded: they have mistakes, the old certificate stays in use", "err", err)
		}
		return fmt.Errorf("reload the tls files: %w", err)
	}
	c.loaded, c.refused = p, [sha256.Size]byte{}
	for _, l := range c.listeners {
		l.next.Store(p.config(l.protocols))
	}
	c.describe(ctx, "tls files reloaded")
	return nil
}

// describe logs which certificate is in use. c.mu is held, or nobody else knows c yet.
func (c *Certificates) describe(ctx context.Context, msg string) {
	leaf := c.loaded.cert.Leaf
	level := slog.LevelInfo
	if time.Now().After(leaf.NotAfter) {
		level, msg = slog.LevelWarn, msg+"; the certificate has EXPIRED"
	}
	c.log.Log(ctx, level, msg, "names", leaf.DNSNames, "serial", leaf.SerialNumber.Text(16), "not_after", leaf.NotAfter, //nolint:sloglint // one of four constants
		"client_certificates", c.loaded.clientCAs != nil)
}

// Run follows the files until ctx ends.
func (c *Certificates) Run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	tick := time.NewTicker(tlsPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			_ = c.Reload(ctx) // logged
		}
	}
}

// check finds what is missing of the files. It reads them, so that a mistake is reported before anything is opened.
func (f TLSFiles) check() []error {
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return []error{fmt.Errorf("--%s and --%s (%s and %s) belong together; give both, or none for plaintext",
			flagTLSCert, flagTLSKey, EnvTLSCert, EnvTLSKey)}
	case f.ClientCA != "" && f.Cert == "":
		return []error{fmt.Errorf("--%s needs --%s and --%s: clients show certificates only over TLS", flagTLSClientCA, flagTLSCert, flagTLSKey)}
	}
	if _, err := openCertificates(f, nil); err != nil {
		return []error{err}
	}
	return nil
}
