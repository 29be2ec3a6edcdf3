package auth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
)

// A client certificate as a credential (B31).
const (
	// MethodMTLS is a certificate that the server's TLS has verified against the CA of clients.
	MethodMTLS Method = "mtls"
	// IssuerMTLS is the Issuer of an identity that came from a client certificate.
	IssuerMTLS = "mtls"
)

// What a client certificate is refused for.
var (
	ErrCertificateTime = errors.New("client certificate is not valid at this time")
	ErrCertificateName = errors.New("client certificate names nobody")
)

type peerCertificateKey struct{}

// WithPeerCertificate returns a context that carries the certificate of the client, which the server's TLS must have
// verified against the CA of clients: only doors call it.
func WithPeerCertificate(ctx context.Context, cert *x509.Certificate) context.Context {
	if cert == nil {
		return ctx
	}
	return context.WithValue(ctx, peerCertificateKey{}, cert)
}

// PeerCertificate returns the certificate that [WithPeerCertificate] put into ctx, or nil.
func PeerCertificate(ctx context.Context) *x509.Certificate {
	cert, _ := ctx.Value(peerCertificateKey{}).(*x509.Certificate)
	return cert
}

// Thumbprint returns what a token that is bound to cert has as cnf.x5t#S256 (RFC 8705 section 3.1).
func Thumbprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// CertificateSubject returns whom cert names: its first URI (SPIFFE ids are one), else its first DNS name. A certificate
// without any subject alternative name counts by its common name, as those of many private CAs do; beside such names
// the common name means nothing (RFC 9525 section 2).
func CertificateSubject(cert *x509.Certificate) string {
	switch {
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	case len(cert.EmailAddresses)+len(cert.IPAddresses) > 0:
		return ""
	}
	return cert.Subject.CommonName
}

// AuthenticateCertificate returns the identity of a client certificate that the server's TLS has verified. It may read
// and write, and is never an administrator. The error is one of [Chain.Authenticate]'s.
func (c *Chain) AuthenticateCertificate(ctx context.Context, cert *x509.Certificate) (*Identity, error) {
	if c.disabled != nil {
		return &anyone, nil
	}
	s := c.setup.Load()
	// The connection may be older than the end of the certificate.
	if now := s.Now(); now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, c.refused(ctx, s, MethodMTLS, &Refusal{Err: ErrCertificateTime, Issuer: IssuerMTLS})
	}
	subject := CertificateSubject(cert)
	if subject == "" {
		return nil, c.refused(ctx, s, MethodMTLS, &Refusal{Err: ErrCertificateName, Issuer: IssuerMTLS})
	}
	a := NewVerified(Identity{
		Subject: subject, Issuer: IssuerMTLS, Method: MethodMTLS, Expiry: cert.NotAfter,
	}).under(s.Policy, &c.tally)
	a.uses.add()
	return &a.id, nil
}
