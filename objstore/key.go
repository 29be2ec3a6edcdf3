package objstore

import (
	"fmt"
	"io/fs"
	"strings"
)

// ReservedPrefix begins the keys that are not for blobs; stores keep unfinished files there.
const ReservedPrefix = ".tmp/"

// maxKey and maxKeyPart bound keys: S3 takes 1024 bytes, prefix included; file systems take 255 for a name.
const (
	maxKey     = 900
	maxKeyPart = 255
)

// CheckKey reports what is wrong with a key: it must be a relative path in UTF-8, without empty parts, "." and "..",
// backslashes or control characters.
func CheckKey(key string) error {
	if !fs.ValidPath(key) || key == "." {
		return fmt.Errorf("%.64q is not an object key: it must be a relative path without empty or dotted parts", key)
	}
	if len(key) > maxKey {
		return fmt.Errorf("%.64q… is not an object key: it has %d bytes, more than %d", key, len(key), maxKey)
	}
	if strings.HasPrefix(key+"/", ReservedPrefix) {
		return fmt.Errorf("%.64q is not an object key: %s is reserved", key, ReservedPrefix)
	}
	if i := strings.IndexFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' || r == ':' }); i >= 0 {
		return fmt.Errorf("%.64q is not an object key: byte %d is not allowed", key, i)
	}
	for part := range strings.SplitSeq(key, "/") {
		if len(part) > maxKeyPart {
			return fmt.Errorf("%.64q… is not an object key: a part has %d bytes, more than %d", key, len(part), maxKeyPart)
		}
	}
	return nil
}
