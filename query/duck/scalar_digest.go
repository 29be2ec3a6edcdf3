package duck

import (
	"crypto/md5" //nolint:gosec // callers ask for it by name
	"crypto/sha256"
	"crypto/sha512"
	"errors"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
)

// digests by the names that digest takes. blake3 is not among them: no package that we would pin has it.
var digests = map[string]func([]byte) []byte{
	"md5":     func(b []byte) []byte { s := md5.Sum(b); return s[:] }, //nolint:gosec // see above
	"sha224":  func(b []byte) []byte { s := sha256.Sum224(b); return s[:] },
	"sha256":  func(b []byte) []byte { s := sha256.Sum256(b); return s[:] },
	"sha384":  func(b []byte) []byte { s := sha512.Sum384(b); return s[:] },
	"sha512":  func(b []byte) []byte { s := sha512.Sum512(b); return s[:] },
	"blake2b": func(b []byte) []byte { s := blake2b.Sum512(b); return s[:] },
	"blake2s": func(b []byte) []byte { s := blake2s.Sum256(b); return s[:] },
}

func digestScalars() []scalar {
	var out []scalar
	for _, t := range []sqlType{typeText, typeBlob} {
		out = append(out, scalar{name: "digest", args: []sqlType{t, typeText}, result: typeBlob, run: digestByName})
		// The engine's sha256 gives a text.
		for name, of := range map[string]string{"sha224": "sha224", "sha256_bytes": "sha256", "sha384": "sha384", "sha512": "sha512"} {
			out = append(out, scalar{name: name, args: []sqlType{t}, result: typeBlob, run: digest(digests[of])})
		}
	}
	return out
}

func digest(f func([]byte) []byte) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		for i := range rows {
			if !skipNull(in, out, i) {
				out.setBytes(i, f(in[0].bytes(i)))
			}
		}
		return nil
	}
}

func digestByName(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		f := digests[string(in[1].bytes(i))]
		if f == nil {
			return errors.New("digest knows md5, sha224, sha256, sha384, sha512, blake2b and blake2s")
		}
		out.setBytes(i, f(in[0].bytes(i)))
	}
	return nil
}
