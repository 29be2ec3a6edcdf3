package duck

import (
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/internal/jsonb"
)

// chunkWork is what the evaluations of paths in one chunk of rows may do together: they cannot be interrupted.
type chunkWork struct {
	jsonb.Work
	bytes int // of results beyond the documents that they are taken from
}

var errLongMatches = fmt.Errorf("the matches become too long; they may have %d bytes", maxText)

// add counts a result of n bytes from a document.
func (w *chunkWork) add(n int, doc []byte) error {
	if n -= len(doc); n <= 0 {
		return nil
	}
	if w.bytes += n; n > maxText || w.bytes > maxTextChunk {
		return errLongMatches
	}
	return nil
}

// pathFunc writes what path finds in doc.
type pathFunc func(out *output, i int, path *jsonb.Path, doc []byte, w *chunkWork) error

// perPath makes a function of a document and a path.
func perPath(name string, width uintptr, f pathFunc) func([]column, *output, int) error {
	return perChunk(width, func() func(*output, int, []byte, string) error {
		var (
			path *jsonb.Path
			text string
			work chunkWork
		)
		return func(out *output, i int, doc []byte, key string) error {
			if path == nil || key != text {
				var err error
				if path, err = jsonb.ParsePath(key); err != nil {
					return fmt.Errorf("%s: invalid JSONPath '%.200s': %w", name, key, err)
				}
				text = key
			}
			err := f(out, i, path, doc, &work)
			switch {
			case err == nil:
			case jsonb.IsLimit(err) || errors.Is(err, errLongMatches):
				return fmt.Errorf("%s: %w", name, err)
			default:
				out.setNull(i) // the document has a defect
			}
			return nil
		}
	})
}

func pathQuery(out *output, i int, path *jsonb.Path, doc []byte, w *chunkWork) error {
	array, err := path.AppendArray(nil, doc, &w.Work)
	if err == nil {
		err = w.add(len(array), doc)
	}
	if err != nil {
		return err
	}
	out.setBytes(i, array)
	return nil
}

func pathFirst(out *output, i int, path *jsonb.Path, doc []byte, w *chunkWork) error {
	match, ok, err := path.First(doc, &w.Work)
	setBytesIf(out, i, match, ok && err == nil)
	return err
}

// pathElements writes a list. A row that repeats it shares the elements.
func pathElements(out *output, i int, path *jsonb.Path, doc []byte, w *chunkWork) error {
	matches, err := path.Elements(doc, &w.Work)
	if err != nil {
		return err
	}
	size := 0
	for _, m := range matches {
		size += len(m)
	}
	if err := w.add(size, doc); err != nil {
		return err
	}
	return setList(out, i, len(matches), func(elements *output, first int) {
		for n, m := range matches {
			elements.setBytes(first+n, m)
		}
	})
}
