package storedkey

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

// Prefix begins every key that is made here.
const Prefix = "mmk_"

const (
	randomBytes  = 32
	bodyChars    = 43 // of base64
	checkChars   = 6  // 62^6 > 2^32
	mintedLength = len(Prefix) + bodyChars + checkChars

	// An imported key has at least 96 bits in base64, and at most what a header can carry beside others.
	leastImported = 16
	mostImported  = 4096
)

// digits of base 62; they sort as in ASCII.
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Mint returns the text of a new key.
func Mint() auth.Secret {
	var random [randomBytes]byte
	_, _ = rand.Read(random[:]) // crypto/rand.Read never fails: it ends the program instead
	text := Prefix + base64.RawURLEncoding.EncodeToString(random[:])
	return auth.Secret(text + checksum(text))
}

// checksum returns the last characters of a key that begins with text.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [checkChars]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[sum%62]
		sum /= 62
	}
	return string(out[:])
}

// form is what a text looks like.
type form int

const (
	foreign form = iota // as no key that is made here
	minted              // as one of ours, checksum included
	broken              // as one of ours with a wrong checksum
)

func formOf(text string) form {
	if len(text) != mintedLength || !strings.HasPrefix(text, Prefix) {
		return foreign
	}
	for i := len(Prefix); i < len(text); i++ {
		c := text[i]
		isDigit := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !isDigit && c != '-' && c != '_' {
			return foreign
		}
	}
	at := mintedLength - checkChars
	if text[at:] != checksum(text[:at]) {
		return broken
	}
	return minted
}

// What keeps a key from being imported.
var (
	ErrChecksum = errors.New("the key looks like one of ours but its checksum is wrong: a character is missing or changed")
	ErrLength   = errors.New("the key must have 16 to 4096 characters")
	ErrChars    = errors.New("the key has a blank, a line break or another character that cannot be sent in a header")
)

// Importable reports what keeps text from being a key, or nil. isForeign tells that it is not of the form that [Mint]
// makes.
func Importable(text auth.Secret) (isForeign bool, err error) {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return true, ErrChars
		}
	}
	switch f := formOf(string(text)); {
	case f == broken:
		return false, ErrChecksum
	case f == minted:
		return false, nil
	case len(text) < leastImported || len(text) > mostImported:
		return true, ErrLength
	}
	return true, nil
}
