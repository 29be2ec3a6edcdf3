// Package oidc recognises signed JSON Web Tokens of configured OpenID Connect issuers: ID tokens and access tokens.
//
// # The way of a token
//
//  1. Its size is checked.
//  2. Its keyed digest is looked up among accepted, then among refused tokens. Values hold no token (B12).
//  3. Its shape is checked; nothing is parsed yet. Of several requests with the same new token one goes on, the others wait for its result (B13).
//  4. Header and payload are read strictly: no duplicate names, bounded nesting. The header's rules are applied (B4, B6).
//  5. The unverified `iss` and `kid` choose a configured issuer and a key, and nothing else. An issuer that is not
//     configured ends here. Up to this point there was no network traffic (A41, A42).
//  6. The issuer's key set is fetched if there is none that is young enough. A `kid` that it does not hold causes one
//     fetch, at most one in 30 s (B8).
//  7. The signature is verified over the exact bytes received, with a key that fits the algorithm (B2).
//  8. The claims are checked, one `if` per rule, in claims.go.
//
// # Opaque tokens
//
// An issuer with "introspection" is asked about tokens that are no JWTs (RFC 7662, B17), and with mode "always" about JWTs
// that are good in themselves. The answer counts for the smaller of cache_ttl_secs, token_cache_ttl_secs and the token's
// own life; "not active" for as long as other refusals. Callers can cause a bounded number of questions: 32 at a time, and of
// those that come to nothing 100 at once and 20 a second. Tokens with the prefix of our own keys are never shown to an issuer.
//
// # A configuration that changes
//
// A [Provider] never changes. [Provider.Reconfigure] makes the next one, which shares the issuers that are unchanged, and the
// caches. An issuer belongs to the generations of providers from one up to, not including, another; what is cached of it
// counts in those alone, so that nothing of a removed or changed issuer is accepted by the provider that does not have it,
// while requests under way in the old one end undisturbed.
//
// # Key sets
//
// Each issuer is on its own (A11): key set, time of expiry, back-off. One fetch is in flight at a time; it belongs to the
// provider, not to the request that started it, and takes 10 s at the most. A failure is remembered for 1 s, doubling to
// 60 s. While there is an older set it serves, for as long as `jwks_max_stale_secs` says (B9); without one the answer is
// fault.Unavailable (A57).
//
// issuer.mu guards an issuer's state; nothing blocks while it is held.
//
// # Validated tokens
//
// An entry lives for `token_cache_ttl_secs`, and never past the token's exp (A59). What is cached are verified claims;
// rights are evaluated for each request. The cache is read under a shard's read lock; writers are serialised and evict
// by second chance (CLOCK), so its size is exact.
package oidc
