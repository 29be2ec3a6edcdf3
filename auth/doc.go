// Package auth decides who a caller is.
//
// Both servers ask one [Chain]: API keys first, then OpenID Connect; the first [Provider] that accepts decides. A Chain
// is built from the environment by package authenv, stands in front of HTTP routes through package authhttp and in front
// of gRPC through package authgrpc. The result is an [Identity] in the request's context, read with [From].
//
//	authenv ──▶ Config ──▶ apikey.Provider ─┐
//	                  └──▶ oidc.Provider ───┴─▶ Chain ◀── authhttp.Middleware, authgrpc.Unary, authgrpc.Stream
//
// # What callers learn
//
// Every defect of a credential gets the same answer, a [fault.Unauthenticated] "invalid token"; the reason is a [Refusal]
// in the error's chain, for the log alone. Keys that cannot be fetched are [fault.Unavailable], because a client that is
// told "invalid" throws its data away. No error text holds a token, a key or the value of a claim.
//
// # What is shared
//
// A [Verified] credential is immutable and may be cached. Rights are not cached: [Policy] is asked on every request.
//
// The numbers in comments and tests (A41, B8) are those of the specification of authentication.
//
// [fault.Unauthenticated]: https://pkg.go.dev/github.com/micromegas-go/micromegas/internal/fault#Unauthenticated
// [fault.Unavailable]: https://pkg.go.dev/github.com/micromegas-go/micromegas/internal/fault#Unavailable
package auth
