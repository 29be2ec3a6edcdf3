// Package storedkey recognises API keys that live in a database, where they can be created and revoked while servers run.
//
// # The text of a key
//
//	mmk_ + 43 characters + 6 characters
//
// The 43 are 32 random bytes in base64url without padding (RFC 4648 section 5). The 6 are the CRC-32 (IEEE 802.3) of all
// that precedes them, "mmk_" included, as a number in base 62: digits 0-9, A-Z, a-z, the most significant first, filled
// up with 0. A secret scanner matches mmk_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6} and the checksum, and so raises no false alarms
// (B29); the provider refuses a text of this form with a wrong checksum without asking anyone. The database holds the
// SHA-256 of the whole text. It needs no salt and no stretching, because 256 random bits cannot be guessed.
//
// Imported keys have any form of 16 to 4096 printable characters. While the database has none, a text of another form is
// refused without asking, so that tokens, which come by here when no issuer accepts them, cost nothing.
//
// # Caches
//
// A key that was found is remembered, at most [Options].Keys of them, under a short keyed digest of its text (see package
// digest); so is a text that is no key. Both are one look-up in a map, with no memory allocated, and no text is kept (B12,
// B24). When the caches are full, another key takes the place of one at random, and the refused texts are forgotten.
//
// # Changes
//
// [Provider.Run] asks the database every [PollEvery] for the revision of the last change, one row, and forgets the keys
// that changed since the last time and all refused texts; if nobody runs it, a request does the same when it is time. So
// creation, revocation and changes reach every process within [ChangesWithin] (B28), and expiry, which is checked on
// every request, at once. What a look-up found is remembered only if no change was seen after the snapshot that it was
// found in; otherwise a look-up and a poll that overtake each other could bring a revoked key back.
//
// # Outages
//
// While the database is out of reach, keys that are remembered are accepted, for up to [Options].MaxStale after the last
// successful poll; a revocation made elsewhere in the meantime is not seen here. After [ChangesWithin] refused texts are
// not believed to be wrong any more. Whatever cannot be decided is a fault.Unavailable, never a refusal (A57).
// At most four look-ups run at a time, so that a flood of made-up keys does not take the database's connections from
// those who have work.
//
// # Use
//
// When a key was used is written once a minute, and when Run ends. It may be a minute old, and tells which of two keys
// of one name can go (B29).
package storedkey
