//go:build !linux

package dir

import "os"

// create writes a file, syncs it and makes it appear at path, which must not exist.
func (b *Bucket) create(path string, write func(*os.File) error) error {
	return b.createNamed(path, write)
}
