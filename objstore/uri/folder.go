package uri

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/micromegas-go/micromegas/objstore"
)

// Folder is a folder of files that are somebody else's, for reading. Unlike the blobs of a bucket they have any names, change
// and go away, and nothing is written there: no right to do so is needed.
type Folder struct {
	dir    string          // of this machine
	bucket objstore.Bucket // what lies below the prefix; nil where there is a dir
}

// maxFolder bounds how many objects are looked at: a folder of files that people put there has not so many, a whole lake has.
const maxFolder = 10_000

// OpenFolder opens the folder that file:///path, a path or s3://bucket/prefix names, and looks whether it is there.
func OpenFolder(ctx context.Context, uri string, o Options) (*Folder, error) {
	at, err := parse(uri)
	if err != nil {
		return nil, err
	}
	f := &Folder{dir: at.dir}
	if at.bucket != "" {
		if f.bucket, err = at.s3(o); err != nil {
			return nil, err
		}
	}
	_, err = f.Files(ctx)
	return f, err
}

// Files describes the files that lie directly in the folder, in no promised order; Key is the name. Names that begin with a
// dot are left out, as links into them are not: that is how Kubernetes mounts a ConfigMap.
func (f *Folder) Files(ctx context.Context) ([]objstore.Info, error) {
	if f.bucket == nil {
		return f.local()
	}
	var files []objstore.Info
	seen := 0
	for info, err := range f.bucket.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		if seen++; seen > maxFolder {
			return nil, fmt.Errorf("there are more than %d objects; use a prefix with nothing else below it", maxFolder)
		}
		if !strings.Contains(info.Key, "/") && !strings.HasPrefix(info.Key, ".") {
			files = append(files, info)
		}
	}
	return files, nil
}

func (f *Folder) local() ([]objstore.Info, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	var files []objstore.Info
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(f.dir, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile, or a link to nowhere
		case err != nil:
			return nil, err
		case info.Mode().IsRegular():
			files = append(files, objstore.Info{Key: e.Name(), Size: info.Size(), Modified: info.ModTime()})
		}
	}
	return files, nil
}

// Open streams a file of the folder. The caller closes it.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if f.bucket != nil {
		return f.bucket.Reader(ctx, name)
	}
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("%.64q is not the name of a file", name)
	}
	return os.Open(filepath.Join(f.dir, name))
}
