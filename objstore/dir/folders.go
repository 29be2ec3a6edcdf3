package dir

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// maxFolders bounds what is remembered; beyond it the memory starts anew.
const maxFolders = 10_000

// folders remembers which folders exist durably. The zero value is ready.
type folders struct {
	mu    sync.Mutex
	known map[string]bool
}

// prepare creates folder, which lies in root, and those between, and syncs the parent of each, also of those that exist:
// whoever created them may have died before.
func (f *folders) prepare(root, folder string) error {
	if folder == root || f.knows(folder) {
		return nil
	}
	parent := filepath.Dir(folder)
	if err := f.prepare(root, parent); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o750); err != nil && !os.IsExist(err) {
		return err
	}
	if err := syncFolder(parent); err != nil {
		return err
	}
	f.remember(folder)
	return nil
}

func (f *folders) knows(folder string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[folder]
}

func (f *folders) remember(folder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= maxFolders {
		f.known = make(map[string]bool)
	}
	f.known[folder] = true
}

func (f *folders) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = nil
}

// syncFolder makes the names in a folder durable. Windows has no such call; NTFS journals names by itself.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
