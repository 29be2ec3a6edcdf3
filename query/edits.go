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
	rank     int // among edits at the same position
}

// Edits at one position: first what belongs to the token that ends there; then what was put in front of the next one on
// its account, outer calls first, then by what follows it, where what came later is outer; then its replacement.
const (
	rankBehind = iota
	rankBefore
	rankAround
	rankReplace
)

// rewritten is a statement after its edits, with the way back for positions.
type rewritten struct {
	text  string
	edits []edit // in order of position, in offsets of the original
}

// apply makes the edits. Those at the same position stand in order of rank; one that begins inside a piece that an earlier one
// replaced is left out.
func apply(text string, edits []edit) rewritten {
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(a.rank, b.rank))
	})
	for i := 0; i < len(edits); i++ {
		j := i
		for j < len(edits) && edits[j].rank == rankAround && edits[j].pos == edits[i].pos {
			j++
		}
		if j > i {
			slices.Reverse(edits[i:j])
			i = j - 1
		}
	}
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
