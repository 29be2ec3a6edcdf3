package auth

import (
	"context"
	"net/netip"
)

// Call is what a door, HTTP or gRPC, knows of a request.
type Call struct {
	Authorization []string                   // the values of the Authorization header, or of that metadata key
	Peer          string                     // the address of the connection, "ip:port"
	Header        func(name string) []string // the values of a header, to find the client behind proxies; may be nil
	Operation     string                     // the route or method, for messages
	Role          Role                       // what the door asks for; 0 lets everybody in who is authenticated
}

// Admit is the whole decision of a door: it finds the client's address, authenticates the caller and checks its role. Both
// doors use it, so that they cannot differ (A1).
//
// A client certificate in ctx ([WithPeerCertificate]) is the credential when no other is presented (B31).
//
// The context it returns carries the client's address ([ClientAddr]) and, if the caller is known, the [Identity] ([From]),
// both also after an error, for the journal. Errors are those of [Chain.Authenticate] and [Require].
func (c *Chain) Admit(ctx context.Context, call Call) (context.Context, error) {
	ctx = WithClient(ctx, c.client(call), call.Peer)
	id, err := c.identify(ctx, call.Authorization)
	if err != nil {
		return ctx, err
	}
	ctx = With(ctx, id)
	if call.Role != 0 {
		if err := id.require(call.Role, call.Operation); err != nil {
			return ctx, err
		}
	}
	return ctx, nil
}

func (c *Chain) identify(ctx context.Context, authorization []string) (*Identity, error) {
	if len(authorization) == 0 {
		if cert := PeerCertificate(ctx); cert != nil {
			return c.AuthenticateCertificate(ctx, cert)
		}
	}
	return c.Authenticate(ctx, authorization)
}

func (c *Chain) client(call Call) netip.Addr {
	if c.disabled != nil {
		return parseAddr(call.Peer) // nothing is configured (A4)
	}
	return c.setup.Load().Proxies.Client(call.Peer, call.Header)
}
