package oidc

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// TestA47Differential checks random tokens, good and damaged, with this package and with an independent library. What we
// accept the other accepts; what we refuse for its signature the other refuses.
func TestA47Differential(t *testing.T) {
	const rounds = 100 // for each algorithm
	random := rand.New(rand.NewPCG(20260301, 7))
	for _, alg := range auth.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t, nil)
			key := w.issuer.Rotate(alg)
			stranger := authtest.NewKey(alg, key.ID, 77)
			w.mustAccept(t, w.sign(t, nil))
			set := w.issuers[w.issuer.URL()].set
			counts := map[string]int{}
			for n := range rounds {
				signer := key
				if random.IntN(4) == 0 {
					signer = stranger
				}
				text := string(w.sign(t, authtest.Claims{"jti": n, "x": strings.Repeat("x", random.IntN(50))}, authtest.With(signer)))
				text = damage(text, random)
				var ours error
				parsed, err := parse(text)
				if err != nil {
					ours = err
				} else {
					ours = w.verifyWith(set, parsed)
				}
				theirs := verifiedByOther(text, alg, key)
				switch {
				case ours == nil && theirs == nil:
					counts["accepted"]++
				case ours == nil:
					t.Fatalf("we accept what the other library refuses: %v\n%s", theirs, text)
				case theirs != nil:
					counts["refused"]++
				case errors.Is(ours, ErrSignature):
					t.Fatalf("the other library accepts what we refuse for its signature\n%s", text)
				default:
					counts["stricter"]++ // such as bits of base64 that decode to nothing
				}
			}
			if counts["accepted"] < rounds/10 || counts["refused"] < rounds/4 {
				t.Errorf("the tokens are too much alike: %v", counts)
			}
		})
	}
}

// damage returns the token as it is, or with one thing changed.
func damage(token string, random *rand.Rand) string {
	parts := strings.Split(token, ".")
	which := random.IntN(3)
	part := []byte(parts[which])
	at := random.IntN(len(part))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	switch random.IntN(6) {
	case 0, 1, 2:
		return token
	case 3: // another character
		part[at] = alphabet[random.IntN(len(alphabet))]
	case 4: // cut
		part = part[:at]
	case 5: // longer
		part = append(part, alphabet[random.IntN(len(alphabet))], 'A', 'A', 'A')
	}
	parts[which] = string(part)
	return strings.Join(parts, ".")
}

func verifiedByOther(text, alg string, key *authtest.Key) error {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithoutClaimsValidation())
	_, err := parser.Parse(text, func(tok *jwt.Token) (any, error) {
		if kid, ok := tok.Header["kid"]; ok && kid != key.ID {
			return nil, errors.New("another kid")
		}
		return key.Public(), nil
	})
	return err
}
