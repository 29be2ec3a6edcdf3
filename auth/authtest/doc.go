// Package authtest is an OpenID Connect issuer for tests: a real one, on a loopback listener, with its own clock, that
// can be made to rotate keys, fail, dawdle and lie.
//
//	issuer := authtest.New(t)
//	t.Setenv("MICROMEGAS_OIDC_CONFIG", issuer.Config())
//	token := issuer.Sign(t, authtest.Claims{"sub": "alice", "email": "alice@example.com", "email_verified": true})
//
// It signs with the standard library alone, so that what the servers verify was not made by the library they verify with.
package authtest
