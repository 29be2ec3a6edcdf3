package authhttp

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

// MetadataPath is where the description of a protected resource is looked for (RFC 9728 section 3).
const MetadataPath = "/.well-known/oauth-protected-resource"

// metadata are the members of RFC 9728 section 2 that we know the answer to.
type metadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name"`
}

// Metadata answers [MetadataPath] with the issuers whose tokens are accepted, so that tools can configure themselves (B38);
// 404 when there are none. It is public: who wants to log in has to find out where.
func (d *Door) Metadata() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		issuers := d.issuers()
		base, ok := d.base(r)
		if len(issuers) == 0 || !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		text, err := json.Marshal(metadata{base, issuers, []string{"header"}, realm})
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store") // it repeats the Host of the request
		_, _ = w.Write(append(text, '\n'))
	})
}

// issuers are those whose tokens are accepted now, each once.
func (d *Door) issuers() []string {
	var issuers []string
	for _, is := range d.chain.Stats().Issuers {
		if !slices.Contains(issuers, is.Issuer) {
			issuers = append(issuers, is.Issuer)
		}
	}
	return issuers
}

// pointer is the part of a challenge that leads to the metadata (RFC 9728 section 5.1); "" when there is none.
func (d *Door) pointer(r *http.Request) string {
	if !d.opts.Metadata || !slices.Contains(d.chain.Methods(), auth.MethodOIDC) {
		return ""
	}
	base, ok := d.base(r)
	if !ok {
		return ""
	}
	return `, resource_metadata="` + base + MetadataPath + `"`
}

// base is the server's own URL as the client knows it. Clients compare it with the one they asked (RFC 9728 section 3.3).
func (d *Door) base(r *http.Request) (string, bool) {
	if !plainHost(r.Host) {
		return "", false
	}
	scheme := "http"
	switch proto := r.Header.Values("X-Forwarded-Proto"); {
	case r.TLS != nil:
		scheme = "https"
	case len(proto) == 1 && strings.EqualFold(proto[0], "https") && d.fromProxy(r):
		scheme = "https"
	}
	return scheme + "://" + r.Host, true
}

// fromProxy reports whether the connection is one of a proxy that is trusted.
func (d *Door) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(d.chain.Setup().Proxies, func(n netip.Prefix) bool {
		return n.Contains(peer.Addr().Unmap().WithZone(""))
	})
}

// plainHost reports whether host is made of what host names, addresses and ports are made of, so that it can stand in a
// quoted string.
func plainHost(host string) bool {
	if host == "" {
		return false
	}
	for i := range len(host) {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._:[]", c) >= 0:
		default:
			return false
		}
	}
	return true
}
