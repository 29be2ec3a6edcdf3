// Package diagnose tells an operator what is wrong with authentication, and what to do about it.
//
// It decides nothing itself. The configuration is read by [auth.LoadConfig], issuers are asked by [oidc.Inspect], and a
// token goes through a chain of [authenv.New], as in the servers. What this package adds is the order of the rules
// (rules.go), so that the one rule that a refusal names tells which others held, and what each of them means.
//
// To learn about rules behind the first that is broken, a token is tried again with a configuration or a clock that lets
// it pass that one (retry.go). A signature is never let pass.
//
// A report holds names of keys, the claims iss, aud, azp, exp and so on, and no credential.
package diagnose
