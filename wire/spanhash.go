package wire

import "github.com/OneOfOne/xxhash"

// SpanHash identifies a span's place in the program: XXH32 of name, file, target and line, each with the result of the
// one before as its seed. The line is hashed as four bytes, little endian.
func SpanHash(name, file, target string, line uint32) uint32 {
	h := xxhash.ChecksumString32S(name, 0)
	h = xxhash.ChecksumString32S(file, h)
	h = xxhash.ChecksumString32S(target, h)
	l := [4]byte{byte(line), byte(line >> 8), byte(line >> 16), byte(line >> 24)}
	return xxhash.Checksum32S(l[:], h)
}
