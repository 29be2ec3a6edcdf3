// Package auth decides who a caller is.
//
// Both servers ask one [Chain]: API keys first, then OpenID Connect, then keys in a database; the first [Provider] that
// accepts decides. A Chain is built from the environment by package authenv, stands in front of HTTP routes through package
// authhttp and in front of gRPC through package authgrpc; both go through [Chain.Admit]. The result is an [Identity] in the
// request's context, read with [From].
//
//	authenv ──▶ Config ─┬▶ apikey.Provider ────┐
//	                    ├▶ oidc.Provider ──────┼─▶ Chain.Admit ◀── authhttp, authgrpc
//	                    └▶ Policy, Limits, Proxies     ▲
//	                       storedkey.Provider ─────────┘
//
// # What callers learn
//
// Every defect of a credential gets the same answer, a [fault.Unauthenticated] "invalid token"; the reason is a [Refusal]
// in the error's chain, for the log alone. Keys that cannot be fetched are [fault.Unavailable], because a client that is
// told "invalid" throws its data away. No error text holds a token, a key or the value of a claim.
//
// # What is shared
//
// A [Verified] credential is immutable and may be cached. Rights are not: they are worked out under the [Policy] of the
// moment, once for each credential and policy, so that a change counts for the next request (B21). What a chain works with
// is one immutable [Setup] behind an atomic pointer; [Chain.Swap] replaces it while requests run, each of which sees one
// Setup from beginning to end. Package authenv does so when a file of the configuration changes.
//
// # What callers may do
//
// A [Role] is granted by the entry of an issuer ("roles"), by a key, or by MICROMEGAS_ADMINS. Where nothing is said everybody
// who is authenticated reads and writes, and nobody is an administrator.
//
// # Where callers are
//
// The address of the client is computed in one place, [Proxies.Client], and is the same for logs, for the networks of a key
// and for the limit on failures. That limit counts what was refused and nothing else: a valid credential is never limited.
//
// The numbers in comments and tests (A41, B8) are those of the specification of authentication.
//
// [fault.Unauthenticated]: https://pkg.go.dev/github.com/micromegas-go/micromegas/internal/fault#Unauthenticated
// [fault.Unavailable]: https://pkg.go.dev/github.com/micromegas-go/micromegas/internal/fault#Unavailable
package auth
