// Package digest names a credential by a short keyed digest, so that caches hold no credential (B12).
//
// # Construction
//
// digest(m) = AES-128(k2, GHASH(k1, m)): a universal hash, then a block cipher. The hash part is AES-GCM's authentication
// of additional data under a fixed nonce. For two different inputs of at most n 16-byte blocks the hashes agree with a
// probability of at most (n+1)/2^128 over the random k1 (McGrew and Viega, "The Security and Performance of the
// Galois/Counter Mode", 2004, section 5); the outer AES makes the outputs indistinguishable from random ones, so that
// nothing that is learnt about outputs tells anything about k1 (Wegman-Carter, hash then PRF). Both keys are random for
// each Digester, never leave it, and a fixed nonce is safe because no output leaves the process.
//
// For a 16 KiB token the chance that a guess hits one of a million cached entries is below 2^-98. SHA-256 would give
// less than 2^-200 and cost 3 to 4 times as much on the machines we measured (see the benchmark), more than all the
// rest of accepting a token.
//
// With GODEBUG=fips140=on or only, digest(m) is HMAC-SHA-256 truncated to 128 bits instead, because a GCM with a fixed
// nonce is not an approved use.
package digest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
)

// Size is the length of a digest in bytes.
const Size = aes.BlockSize

// Sum is a digest; comparable, so that it can be a map's key.
type Sum [Size]byte

// Digester computes digests under its own random keys. Safe for concurrent use.
type Digester struct {
	hash   cipher.AEAD
	outer  cipher.Block
	states sync.Pool // of *state
}

// state is the memory of one computation. The standard library's interfaces make their arguments escape.
type state struct {
	in  []byte
	out [Size]byte
	mac hash.Hash // FIPS mode only
}

// New returns a Digester with fresh random keys.
func New() *Digester {
	var k1, k2 [16]byte     // FIPS mode: HMAC takes both as one key
	_, _ = rand.Read(k1[:]) // crypto/rand.Read never fails: it ends the program instead
	_, _ = rand.Read(k2[:])
	d := &Digester{}
	if fips140.Enabled() {
		d.states.New = func() any { return &state{mac: hmac.New(sha256.New, append(k1[:], k2[:]...))} }
		return d
	}
	d.states.New = func() any { return &state{in: make([]byte, 0, 2048)} }
	d.outer = block(k2[:])
	var err error
	if d.hash, err = cipher.NewGCM(block(k1[:])); err != nil {
		panic("digest: " + err.Error()) // AES has the block size that GCM wants
	}
	return d
}

func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("digest: " + err.Error()) // 16 bytes are a valid length
	}
	return b
}

// nonce is fixed: see the package comment.
var nonce [12]byte

// Sum returns the digest of s. It keeps no copy of s and allocates nothing in the long run.
func (d *Digester) Sum(s string) Sum {
	st := d.states.Get().(*state)
	st.in = append(st.in[:0], s...)
	if st.mac != nil {
		st.mac.Reset()
		_, _ = st.mac.Write(st.in) // a hash never fails
		var full [sha256.Size]byte
		st.mac.Sum(full[:0])
		clear(st.in)
		d.states.Put(st)
		return Sum(full[:Size])
	}
	d.hash.Seal(st.out[:0], nonce[:], nil, st.in) //nolint:gosec // G407: nothing is encrypted; see the package comment
	d.outer.Encrypt(st.out[:], st.out[:])
	sum := st.out
	clear(st.in)
	d.states.Put(st)
	return sum
}
