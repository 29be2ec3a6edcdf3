package query

import (
	"cmp"
	"slices"
	"strings"
)

// edit replaces text[pos:end].
type edit struct {
	pos, end int
	text     string
}

// rewritten is a statement after its edits, with the way back for positions.
type rewritten struct {
	text  string
	edits []edit // in order of position, in offsets of the original
}

// apply makes the edits. Edits at the same position keep their order; one that begins inside a piece that an earlier one
// replaced is left out.
func apply(text string, edits []edit) rewritten {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.pos, b.pos) })
	var b strings.Builder
	last := 0
	made := edits[:0]
	for _, e := range edits {
		if e.pos < last {
			continue
		}
		b.WriteString(text[last:e.pos])
		b.WriteString(e.text)
		last = e.end
		made = append(made, e)
	}
	b.WriteString(text[last:])
	return rewritten{b.String(), made}
}

// original returns the offset in the original text of an offset in the rewritten text. What lies inside a replacement
// belongs to where the replacement begins.
func (r rewritten) original(pos int) int {
	shift := 0 // rewritten minus original
	for _, e := range r.edits {
		begin := e.pos + shift
		if pos < begin {
			break
		}
		if pos < begin+len(e.text) {
			return e.pos
		}
		shift += len(e.text) - (e.end - e.pos)
	}
	return pos - shift
}
