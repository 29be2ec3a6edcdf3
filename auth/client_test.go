package auth_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
)

func proxies(t *testing.T, networks ...string) auth.Proxies {
	t.Helper()
	var p auth.Proxies
	for _, s := range networks {
		n, ok := auth.ParseNetwork(s)
		if !ok {
			t.Fatalf("network %q", s)
		}
		p = append(p, n)
	}
	return p
}

// TestB26Client finds the client behind proxies; "" is an unknown one.
func TestB26Client(t *testing.T) {
	trusted := proxies(t, "10.0.0.0/8", "fd00::/8", "192.0.2.7")
	const proxy = "10.0.0.1:4000"
	for name, tc := range map[string]struct {
		peer    string
		headers []string // name and value in turn
		want    string
	}{
		"B26 no proxy":                              {"203.0.113.9:1", nil, "203.0.113.9"},
		"B26 headers of strangers do not count":     {"203.0.113.9:1", []string{"X-Forwarded-For", "10.0.0.1", "X-Real-IP", "10.0.0.1", "Forwarded", "for=10.0.0.1"}, "203.0.113.9"},
		"B26 one proxy":                             {proxy, []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		"B26 what the client wrote does not count":  {proxy, []string{"X-Forwarded-For", "127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		"B26 two proxies":                           {proxy, []string{"X-Forwarded-For", "127.0.0.1, 203.0.113.9, 10.1.1.1"}, "203.0.113.9"},
		"B26 several header lines":                  {proxy, []string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-For", "10.1.1.1"}, "203.0.113.9"},
		"B26 all are proxies":                       {proxy, []string{"X-Forwarded-For", "10.9.9.9, 10.1.1.1"}, "10.9.9.9"},
		"B26 no header: the proxy itself":           {proxy, nil, "10.0.0.1"},
		"B26 with ports":                            {proxy, []string{"X-Forwarded-For", "203.0.113.9:1234"}, "203.0.113.9"},
		"B26 IPv6":                                  {"[fd00::1]:4000", []string{"X-Forwarded-For", "2001:db8::1"}, "2001:db8::1"},
		"B26 IPv6 with port":                        {"[fd00::1]:4000", []string{"X-Forwarded-For", "[2001:db8::1]:99"}, "2001:db8::1"},
		"B26 IPv4-mapped":                           {"[::ffff:10.0.0.1]:4000", []string{"X-Forwarded-For", "::ffff:203.0.113.9"}, "203.0.113.9"},
		"B26 one address as proxy":                  {"192.0.2.7:1", []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		"B26 its neighbour is none":                 {"192.0.2.8:1", []string{"X-Forwarded-For", "203.0.113.9"}, "192.0.2.8"},
		"B26 garbage":                               {proxy, []string{"X-Forwarded-For", "unknown"}, ""},
		"B26 garbage left of the client":            {proxy, []string{"X-Forwarded-For", "garbage, 203.0.113.9"}, "203.0.113.9"},
		"B26 empty element":                         {proxy, []string{"X-Forwarded-For", "203.0.113.9,"}, ""},
		"B26 Forwarded":                             {proxy, []string{"Forwarded", "for=203.0.113.9;proto=https;by=10.0.0.1"}, "203.0.113.9"},
		"B26 Forwarded, IPv6":                       {proxy, []string{"Forwarded", `For="[2001:db8::1]:4711"`}, "2001:db8::1"},
		"B26 Forwarded, several":                    {proxy, []string{"Forwarded", "for=127.0.0.1, for=203.0.113.9;host=x, for=10.2.2.2"}, "203.0.113.9"},
		"B26 Forwarded, hidden":                     {proxy, []string{"Forwarded", "for=_hidden"}, ""},
		"B26 Forwarded without for":                 {proxy, []string{"Forwarded", "proto=https"}, ""},
		"B26 X-Real-IP":                             {proxy, []string{"X-Real-IP", "203.0.113.9"}, "203.0.113.9"},
		"B26 X-Real-IP twice":                       {proxy, []string{"X-Real-IP", "203.0.113.9", "X-Real-IP", "203.0.113.9"}, ""},
		"B26 X-Real-IP agrees":                      {proxy, []string{"X-Forwarded-For", "203.0.113.9", "X-Real-IP", "203.0.113.9"}, "203.0.113.9"},
		"B26 X-Real-IP is the proxy before":         {proxy, []string{"X-Forwarded-For", "203.0.113.9, 10.3.3.3", "X-Real-IP", "10.3.3.3"}, "203.0.113.9"},
		"B26 X-Real-IP contradicts":                 {proxy, []string{"X-Forwarded-For", "127.0.0.1", "X-Real-IP", "203.0.113.9"}, ""},
		"B26 Forwarded contradicts":                 {proxy, []string{"X-Forwarded-For", "203.0.113.9", "Forwarded", "for=127.0.0.1"}, ""},
		"B26 Forwarded agrees":                      {proxy, []string{"X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9"}, "203.0.113.9"},
		"B26 a forged header cannot name the proxy": {proxy, []string{"X-Forwarded-For", "203.0.113.9", "Forwarded", "for=10.0.0.1"}, ""},
		"B26 peer without port":                     {"203.0.113.9", nil, "203.0.113.9"},
		"B26 a socket file":                         {"@", nil, ""},
		"B26 no peer":                               {"", []string{"X-Forwarded-For", "203.0.113.9"}, ""},
		"B26 zones are dropped":                     {"[fe80::1%eth0]:1", nil, "fe80::1"},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for i := 0; i < len(tc.headers); i += 2 {
				h.Add(tc.headers[i], tc.headers[i+1])
			}
			got := trusted.Client(tc.peer, h.Values)
			want := netip.Addr{}
			if tc.want != "" {
				want = netip.MustParseAddr(tc.want)
			}
			if got != want {
				t.Errorf("client %v, want %v", got, want)
			}
		})
	}
	// By default nobody is believed.
	if got := auth.Proxies(nil).Client(proxy, func(string) []string { return []string{"203.0.113.9"} }); got.String() != "10.0.0.1" {
		t.Errorf("client %v without trusted proxies", got)
	}
}

func TestB26Networks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "192.0.2.1": "192.0.2.1/32", "2001:db8::/32": "2001:db8::/32", "::1": "::1/128",
		"::ffff:192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.0/120": "192.0.2.0/24", "0.0.0.0/0": "0.0.0.0/0",
		"10.0.0.1/8": "", "10.0.0.0/33": "", "10.0.0.0": "10.0.0.0/32", "example.com": "", "": "", "fe80::1%eth0": "", "::ffff:0.0.0.0/90": "", "10.0.0.0/8 ": "",
	} {
		n, ok := auth.ParseNetwork(text)
		if ok != (want != "") || ok && n.String() != want {
			t.Errorf("ParseNetwork(%q) = %v, %v; want %q", text, n, ok, want)
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1:1", "203.0.113.9, 10.1.1.1", `for="[2001:db8::1]:1"`, "203.0.113.9")
	p := auth.Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, peer, xff, forwarded, real string) {
		got := p.Client(peer, func(name string) []string {
			return map[string][]string{"X-Forwarded-For": strings.Split(xff, "|"), "Forwarded": {forwarded}, "X-Real-IP": {real}}[name]
		})
		if direct := auth.Proxies(nil).Client(peer, nil); direct.IsValid() && !p[0].Contains(direct) && got != direct {
			t.Errorf("headers of the stranger %v made it %v", direct, got)
		}
	})
}
