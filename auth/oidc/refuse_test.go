package oidc

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// TestRefusedWithoutNetwork breaks, in each row, exactly one of the rules that are checked before keys are needed.
func TestRefusedWithoutNetwork(t *testing.T) {
	w := newWorld(t, nil)
	type claims = authtest.Claims
	sign := func(c claims, options ...authtest.SignOption) string { return w.issuer.Sign(t, c, options...) }
	good := sign(nil)
	parts := strings.Split(good, ".")
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	public, err := x509.MarshalPKIXPublicKey(w.issuer.Key().Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	header := func(name string, value any) string { return sign(nil, authtest.Header(name, value)) }

	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"B12 longer than 16 KiB":               {sign(claims{"pad": strings.Repeat("x", 16<<10)}), ErrTooLong},
		"A41 no dots":                          {"opaque", ErrNotJWT},
		"A41 one dot":                          {"a.b", ErrNotJWT},
		"A41 three dots":                       {good + ".x", ErrNotJWT},
		"A41 five dots":                        {"a.b.c.d.e.f", ErrNotJWT},
		"A41 empty header":                     {"." + parts[1] + "." + parts[2], ErrEncoding},
		"A41 empty payload":                    {parts[0] + ".." + parts[2], ErrEncoding},
		"A41 empty signature":                  {parts[0] + "." + parts[1] + ".", ErrUnsigned},
		"A41 padding":                          {parts[0] + "." + parts[1] + "." + parts[2] + "==", ErrEncoding},
		"A41 standard base64 alphabet":         {parts[0] + "." + parts[1] + ".+/+/" + parts[2][4:], ErrEncoding},
		"A41 line break inside a part":         {parts[0] + "." + parts[1] + ".\n" + parts[2], ErrEncoding},
		"A47 trailing bits set":                {parts[0] + "." + parts[1] + "." + looseBits(parts[2]), ErrEncoding},
		"A41 header is no JSON":                {sign(nil, authtest.RawHeader("{")), ErrHeader},
		"A41 header is an array":               {sign(nil, authtest.RawHeader("[]")), ErrHeader},
		"A41 something follows the header":     {sign(nil, authtest.RawHeader(`{"alg":"RS256"} {}`)), ErrHeader},
		"A41 payload is no JSON":               {sign(nil, authtest.RawPayload("nope")), ErrPayload},
		"A41 payload is a string":              {sign(nil, authtest.RawPayload(`"x"`)), ErrPayload},
		"A41 payload is not UTF-8":             {sign(nil, authtest.RawPayload("{\"iss\":\"\xff\"}")), ErrPayload},
		"B6 duplicate in header":               {sign(nil, authtest.RawHeader(`{"alg":"RS256","alg":"RS256"}`)), ErrHeader},
		"B6 duplicate in payload":              {sign(nil, authtest.RawPayload(fmt.Sprintf(`{"iss":%q,"sub":"a","sub":"root"}`, w.issuer.URL()))), ErrPayload},
		"B6 duplicate by escape":               {sign(nil, authtest.RawPayload(fmt.Sprintf(`{"iss":%q,"sub":"a","\u0073ub":"root"}`, w.issuer.URL()))), ErrPayload},
		"B6 duplicate deep inside":             {sign(nil, authtest.RawPayload(fmt.Sprintf(`{"iss":%q,"x":[{"y":1,"y":2}]}`, w.issuer.URL()))), ErrPayload},
		"B6 nested header":                     {sign(nil, authtest.RawHeader(`{"alg":"RS256","x":`+deep+`}`)), ErrHeader},
		"B6 nested payload":                    {sign(nil, authtest.RawPayload(`{"iss":"x","x":`+deep+`}`)), ErrPayload},
		"A46 none":                             {sign(nil, authtest.Algorithm("none"), authtest.Unsigned()), ErrUnsigned},
		"A46 none with a signature":            {header("alg", "none"), ErrUnsigned},
		"A46 None":                             {header("alg", "None"), ErrUnsigned},
		"A46 NONE":                             {header("alg", "NONE"), ErrUnsigned},
		"A46 nOnE":                             {header("alg", "nOnE"), ErrUnsigned},
		"A46 HS256 under the public key (PEM)": {sign(nil, authtest.Algorithm("HS256"), authtest.Secret(publicPEM)), ErrSymmetric},
		"A46 HS256 under the public key (DER)": {sign(nil, authtest.Algorithm("HS256"), authtest.Secret(public)), ErrSymmetric},
		"A46 HS256 under the modulus":          {sign(nil, authtest.Algorithm("HS256"), authtest.Secret(w.issuer.Key().Public().(*rsa.PublicKey).N.Bytes())), ErrSymmetric},
		"A46 HS384":                            {sign(nil, authtest.Algorithm("HS384"), authtest.Secret([]byte("k"))), ErrSymmetric},
		"A46 HS512":                            {sign(nil, authtest.Algorithm("HS512"), authtest.Secret([]byte("k"))), ErrSymmetric},
		"A46 hs256":                            {header("alg", "hs256"), ErrSymmetric},
		"B1 alg missing":                       {header("alg", authtest.Omit), ErrAlgorithm},
		"B1 alg is a number":                   {header("alg", 256), ErrAlgorithm},
		"B1 alg is an array":                   {header("alg", []string{"RS256"}), ErrAlgorithm},
		"B1 alg in lower case":                 {header("alg", "rs256"), ErrAlgorithm},
		"B1 alg RS1":                           {header("alg", "RS1"), ErrAlgorithm},
		"B1 alg ES256K":                        {header("alg", "ES256K"), ErrAlgorithm},
		"B1 alg RSA-OAEP":                      {header("alg", "RSA-OAEP"), ErrAlgorithm},
		"B1 alg ML-DSA-44":                     {header("alg", "ML-DSA-44"), ErrAlgorithm},
		"B1 ALG is not alg":                    {sign(nil, authtest.RawHeader(`{"ALG":"RS256"}`)), ErrAlgorithm},
		"B6 crit":                              {header("crit", []string{"exp"}), ErrCritical},
		"B6 crit empty":                        {header("crit", []string{}), ErrCritical},
		"B6 crit null":                         {header("crit", nil), ErrCritical},
		"B6 b64 false":                         {header("b64", false), ErrCritical},
		"B6 b64 true":                          {header("b64", true), ErrCritical},
		"B6 cty JWT":                           {header("cty", "JWT"), ErrNested},
		"B6 cty jwt":                           {header("cty", "jwt"), ErrNested},
		"B6 enc":                               {header("enc", "A256GCM"), ErrEncrypted},
		"B6 five parts":                        {"e30.e30.e30.e30.e30", ErrEncrypted},
		"A44 kid is a number":                  {header("kid", 1), ErrHeader},
		"A44 kid is null":                      {header("kid", nil), ErrHeader},
		"B4 logout token":                      {header("typ", "logout+jwt"), ErrType},
		"B4 DPoP proof":                        {header("typ", "dpop+jwt"), ErrType},
		"B4 security event":                    {header("typ", "secevent+jwt"), ErrType},
		"B4 token introspection":               {header("typ", "token-introspection+jwt"), ErrType},
		"B4 client authentication":             {header("typ", "client-authentication+jwt"), ErrType},
		"B4 typ is an array":                   {header("typ", []string{"JWT"}), ErrType},
		"A42 issuer not configured":            {sign(claims{"iss": "https://evil.example.com"}), ErrIssuer},
		"A42 issuer missing":                   {sign(claims{"iss": authtest.Omit}), ErrIssuer},
		"A42 issuer empty":                     {sign(claims{"iss": ""}), ErrIssuer},
		"A42 issuer is an array":               {sign(claims{"iss": []string{w.issuer.URL()}}), ErrIssuer},
		"A48 issuer with a slash":              {sign(claims{"iss": w.issuer.URL() + "/"}), ErrIssuer},
		"A48 issuer in another case":           {sign(claims{"iss": strings.ToUpper(w.issuer.URL())}), ErrIssuer},
		"A48 issuer with a blank":              {sign(claims{"iss": w.issuer.URL() + " "}), ErrIssuer},
		"A48 IsS is not iss":                   {sign(claims{"iss": authtest.Omit, "IsS": w.issuer.URL()}), ErrIssuer},
		"A145 Google access token":             {"ya29.a0AfH6SMBx.y", ErrGoogleAccess},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.requests()
			w.mustRefuse(t, auth.Secret(tc.token), tc.want)
			if n := w.requests() - before; n != 0 {
				t.Errorf("the issuer was asked %d times", n)
			}
		})
	}
}

// looseBits changes the unused bits of the last character, so that the part decodes to the same bytes.
func looseBits(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last|1])
}

// TestLooseBits makes sure that the row above tests what it says.
func TestLooseBits(t *testing.T) {
	a := base64.RawURLEncoding.EncodeToString(make([]byte, 256))
	b := looseBits(a)
	x, err := base64.RawURLEncoding.DecodeString(b)
	if a == b || err != nil || !bytes.Equal(x, make([]byte, 256)) {
		t.Fatalf("%q and %q should decode alike: %v", a[len(a)-4:], b[len(b)-4:], err)
	}
}

// TestRefusedSignature presents tokens whose signature must not count.
func TestRefusedSignature(t *testing.T) {
	w := newWorld(t, nil)
	type claims = authtest.Claims
	mine := w.issuer.Key()
	enc := authtest.NewKey("RS256", "enc", 7)
	enc.Members = map[string]any{"use": "enc"}
	wrap := authtest.NewKey("RS256", "ops", 8)
	wrap.Members = map[string]any{"use": authtest.Omit, "key_ops": []string{"wrapKey"}}
	oaep := authtest.NewKey("RS256", "oaep", 9)
	oaep.Members = map[string]any{"use": authtest.Omit, "alg": "RSA-OAEP"}
	pinned := authtest.NewKey("RS512", "pinned", 10)
	p256 := authtest.NewKey("ES256", "p256", 1)
	p384 := authtest.NewKey("ES384", "p384", 1)
	ed := authtest.NewKey("EdDSA", "ed", 1)
	small := authtest.NewRSAKey("small", 1024)
	w.issuer.Publish(enc, wrap, oaep, pinned, p256, p384, ed, small, mine)

	evil := authtest.NewKey("RS256", mine.ID, 99) // the attacker's, with our kid
	evilOtherID := authtest.NewKey("RS256", "evil", 99)
	good := w.issuer.Sign(t, nil)
	parts := strings.Split(good, ".")
	otherPayload := strings.Split(w.issuer.Sign(t, claims{"sub": "root"}), ".")[1]

	// keyServer would hand out the attacker's key.
	keyServer := authtest.New(t)
	keyServer.Publish(evilOtherID)

	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"A47 another payload":               {parts[0] + "." + otherPayload + "." + parts[2], ErrSignature},
		"A47 header with another kid":       {w.issuer.Sign(t, nil, authtest.With(mine), authtest.Header("kid", "p256")), ErrSignature},
		"A47 signature cut":                 {parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-2], ErrSignature},
		"A47 signature of zeros":            {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), ErrSignature},
		"A44 kid of ours, key of theirs":    {w.issuer.Sign(t, nil, authtest.With(evil)), ErrSignature},
		"A44 kid not published":             {w.issuer.Sign(t, nil, authtest.With(evilOtherID)), ErrUnknownKey},
		"A44 no kid, key of theirs":         {w.issuer.Sign(t, nil, authtest.With(evil), authtest.Header("kid", authtest.Omit)), ErrSignature},
		"A44 kid is a path":                 {w.issuer.Sign(t, nil, authtest.With(evil), authtest.Header("kid", "../../dev/null")), ErrUnknownKey},
		"B3 embedded jwk":                   {w.issuer.Sign(t, nil, authtest.With(evilOtherID), authtest.Header("jwk", evilOtherID.JWK())), ErrUnknownKey},
		"B3 embedded jwk with our kid":      {w.issuer.Sign(t, nil, authtest.With(evil), authtest.Header("jwk", evil.JWK())), ErrSignature},
		"B3 jku":                            {w.issuer.Sign(t, nil, authtest.With(evilOtherID), authtest.Header("jku", keyServer.URL()+"/keys")), ErrUnknownKey},
		"B3 jku with our kid":               {w.issuer.Sign(t, nil, authtest.With(evil), authtest.Header("jku", keyServer.URL()+"/keys")), ErrSignature},
		"B3 x5u":                            {w.issuer.Sign(t, nil, authtest.With(evil), authtest.Header("x5u", keyServer.URL()+"/keys")), ErrSignature},
		"B3 x5c":                            {w.issuer.Sign(t, nil, authtest.With(evil), authtest.Header("x5c", []string{"MIIB"})), ErrSignature},
		"B3 key for encryption":             {w.issuer.Sign(t, nil, authtest.With(enc)), ErrUnknownKey},
		"B3 key for wrapping":               {w.issuer.Sign(t, nil, authtest.With(wrap)), ErrUnknownKey},
		"B2 key for RSA-OAEP":               {w.issuer.Sign(t, nil, authtest.With(oaep)), ErrSignature},
		"B2 key pinned to RS512":            {w.issuer.Sign(t, nil, authtest.With(pinned), authtest.Algorithm("RS256")), ErrSignature},
		"B2 RSA key of 1024 bits":           {w.issuer.Sign(t, nil, authtest.With(small)), ErrUnknownKey},
		"B2 ES256 with P-384":               {w.issuer.Sign(t, nil, authtest.With(p384), authtest.Algorithm("ES256")), ErrSignature},
		"B2 ES384 with P-256":               {w.issuer.Sign(t, nil, authtest.With(p256), authtest.Algorithm("ES384")), ErrSignature},
		"B2 EdDSA with an RSA key":          {w.issuer.Sign(t, nil, authtest.With(ed), authtest.Header("kid", mine.ID)), ErrSignature},
		"B2 RS256 with an Ed25519 key":      {w.issuer.Sign(t, nil, authtest.With(mine), authtest.Header("kid", "ed")), ErrSignature},
		"B2 PS256 signed as RS256":          {w.issuer.Sign(t, nil, authtest.With(mine), authtest.Header("alg", "PS256")), ErrAlgorithm},
		"B1 not announced":                  {w.issuer.Sign(t, nil, authtest.With(mine), authtest.Algorithm("RS384")), ErrAlgorithm},
		"B3 symmetric key in the set, HMAC": {w.issuer.Sign(t, nil, authtest.Algorithm("HS256"), authtest.Secret([]byte("k"))), ErrSymmetric},
	} {
		t.Run(name, func(t *testing.T) {
			w.mustRefuse(t, auth.Secret(tc.token), tc.want)
			if d, k := keyServer.Requests(); d+k != 0 {
				t.Errorf("the attacker's server was asked %d times", d+k)
			}
		})
	}
	w.mustAccept(t, auth.Secret(good))
}

// TestRefusedClaims breaks, in each row, exactly one rule of the claims of a token with a good signature.
func TestRefusedClaims(t *testing.T) {
	type claims = authtest.Claims
	at := func(d time.Duration) int64 { return t0.Add(d).Unix() }
	access := authtest.Header("typ", "at+jwt")
	for name, tc := range map[string]struct {
		claims  claims
		want    error
		change  func(*auth.Issuer)
		options []authtest.SignOption
	}{
		"A49 other audience":           {claims: claims{"aud": "elsewhere"}, want: ErrAudience},
		"A49 audience in another case": {claims: claims{"aud": strings.ToUpper(authtest.DefaultAudience)}, want: ErrAudience},
		"A49 audience as a prefix":     {claims: claims{"aud": authtest.DefaultAudience + "2"}, want: ErrAudience},
		"A49 audience missing":         {claims: claims{"aud": authtest.Omit}, want: ErrAudience},
		"A49 audience null":            {claims: claims{"aud": nil}, want: ErrAudience},
		"A49 audience is a number":     {claims: claims{"aud": 7}, want: ErrAudience},
		"A49 audiences empty":          {claims: claims{"aud": []string{}}, want: ErrAudience},
		"A49 audiences elsewhere":      {claims: claims{"aud": []string{"a", "b"}}, want: ErrAudience},
		"A49 audiences of two types":   {claims: claims{"aud": []any{authtest.DefaultAudience, 7}}, want: ErrAudience},
		"A49 audience as an object":    {claims: claims{"aud": map[string]any{authtest.DefaultAudience: 1}}, want: ErrAudience},
		"A50 expired an hour ago":      {claims: claims{"exp": at(-time.Hour)}, want: ErrExpired},
		"A50 expired a second ago":     {claims: claims{"exp": at(-time.Second)}, want: ErrExpired},
		"A50 expires now":              {claims: claims{"exp": at(0)}, want: ErrExpired},
		"A50 exp missing":              {claims: claims{"exp": authtest.Omit}, want: ErrExpiry},
		"A50 exp null":                 {claims: claims{"exp": nil}, want: ErrExpiry},
		"A50 exp is a string":          {claims: claims{"exp": "9999999999"}, want: ErrExpiry},
		"B5 exp overflows":             {claims: claims{"exp": 1e300}, want: ErrExpiry},
		"B5 exp beyond int64":          {claims: claims{"exp": 9.3e18}, want: ErrExpiry},
		"B5 exp negative":              {claims: claims{"exp": -1}, want: ErrExpiry},
		"B5 nbf in two minutes":        {claims: claims{"nbf": at(2 * time.Minute)}, want: ErrNotYetValid},
		"B5 nbf just beyond the skew":  {claims: claims{"nbf": at(61 * time.Second)}, want: ErrNotYetValid},
		"B5 nbf is a string":           {claims: claims{"nbf": "0"}, want: ErrTime},
		"B5 nbf overflows":             {claims: claims{"nbf": 1e300}, want: ErrTime},
		"B5 iat in two minutes":        {claims: claims{"iat": at(2 * time.Minute)}, want: ErrIssuedLater},
		"B5 iat is a string":           {claims: claims{"iat": "0"}, want: ErrTime},
		"B5 older than allowed": {
			claims: claims{"iat": at(-2 * time.Hour)}, want: ErrTooOld,
			change: func(is *auth.Issuer) { is.MaxTokenAge = time.Hour },
		},
		"B5 age unknown": {
			claims: claims{"iat": authtest.Omit}, want: ErrTooOld,
			change: func(is *auth.Issuer) { is.MaxTokenAge = time.Hour },
		},
		"A51 sub missing":        {claims: claims{"sub": authtest.Omit}, want: ErrSubject},
		"A51 sub empty":          {claims: claims{"sub": ""}, want: ErrSubject},
		"A51 sub is a number":    {claims: claims{"sub": 7}, want: ErrSubject},
		"B4 Keycloak refresh":    {claims: claims{"typ": "Refresh"}, want: ErrType},
		"B4 Keycloak offline":    {claims: claims{"typ": "Offline"}, want: ErrType},
		"B4 Keycloak logout":     {claims: claims{"typ": "Logout"}, want: ErrType},
		"B4 at+jwt no client_id": {claims: claims{"jti": "1"}, want: ErrAccessToken, options: []authtest.SignOption{access}},
		"B4 at+jwt no jti":       {claims: claims{"client_id": "c"}, want: ErrAccessToken, options: []authtest.SignOption{access}},
		"B4 at+jwt no iat": {
			claims: claims{"client_id": "c", "jti": "1", "iat": authtest.Omit}, want: ErrAccessToken,
			options: []authtest.SignOption{access},
		},
		"B4 access token where only id": {
			claims: claims{"scope": "openid"}, want: ErrTokenType,
			change: func(is *auth.Issuer) { is.TokenTypes = []string{"id"} },
		},
		"B4 id token where only access": {
			claims: claims{"typ": "ID"}, want: ErrTokenType,
			change: func(is *auth.Issuer) { is.TokenTypes = []string{"access"} },
		},
		"B7 azp of another client": {
			claims: claims{"aud": []string{authtest.DefaultAudience, "b"}, "azp": "evil"}, want: ErrParty,
			change: func(is *auth.Issuer) { is.AuthorizedParties = []string{"cli"} },
		},
		"B18 required claim missing": {
			want:   ErrRequiredClaim,
			change: func(is *auth.Issuer) { is.RequiredClaims = map[string][]string{"org": {"acme"}} },
		},
		"B18 required claim differs": {
			claims: claims{"org": "acme2"}, want: ErrRequiredClaim,
			change: func(is *auth.Issuer) { is.RequiredClaims = map[string][]string{"org": {"acme"}} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *auth.OIDC) {
				if tc.change != nil {
					tc.change(&c.Issuers[0])
				}
			})
			w.mustRefuse(t, w.sign(t, tc.claims, tc.options...), tc.want)
		})
	}
}

// TestA78NoClaimInErrors looks for what a token says in what a refusal says.
func TestA78NoClaimInErrors(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []authtest.Claims{
		{"sub": "subject-needle", "aud": "needle"},
		{"sub": "subject-needle", "exp": 1},
		{"sub": "subject-needle", "iss": "https://needle.example.com"},
	} {
		token := w.sign(t, c)
		_, err := w.Authenticate(t.Context(), token)
		if err == nil {
			t.Fatal("accepted")
		}
		if strings.Contains(err.Error(), "needle") || strings.Contains(err.Error(), string(token)) {
			t.Errorf("%v", err)
		}
	}
}

// TestA84RefusalSaysWho checks what the log gets to know (A84, and A85's audience mismatch).
func TestA84RefusalSaysWho(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.Authenticate(t.Context(), w.sign(t, authtest.Claims{"aud": "elsewhere"}))
	r, ok := errors.AsType[*auth.Refusal](err)
	if !ok || r.Issuer != w.issuer.URL() || r.KeyID != w.issuer.Key().ID ||
		!strings.Contains(r.Detail, "elsewhere") || !strings.Contains(r.Detail, authtest.DefaultAudience) {
		t.Fatalf("refusal %+v", r)
	}
}
