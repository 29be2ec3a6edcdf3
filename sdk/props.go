package sdk

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/micromegas-go/micromegas/wire"
)

// Props is a set of properties that events can carry at no cost: it was built once. The zero value is empty.
//
// Sets are kept for the life of the process, up to a bound; make them from what has few values. For values without
// bound there are the attributes of log entries, which live as long as their entry.
type Props struct {
	set *propertySet
}

type propertySet struct {
	id   uint32 // 0: not kept, goes along with each event
	list wire.Properties
	text string // in the form of inline properties
}

// maxSets and maxSetBytes bound the sets that are kept.
const (
	maxSets     = 1 << 16
	maxSetBytes = 64 << 20
)

// sets are all that are kept, by id.
var sets struct {
	list atomic.Pointer[[]*propertySet]

	mu    sync.Mutex
	ids   map[string]*propertySet // by text
	bytes int                     // of all texts
}

// NewProps returns a set of properties from names and values in turn. Values are texts or anything that [fmt.Sprint]
// takes. A name without a value gets an empty one.
func NewProps(pairs ...any) Props {
	list, text := properties(pairs)
	if len(list) == 0 {
		return Props{}
	}
	return Props{keep(list, text)}
}

// PropsOnce returns a set that is not kept: it travels with each event. It is for values that hardly ever come again.
func PropsOnce(pairs ...any) Props {
	list, text := properties(pairs)
	if len(list) == 0 {
		return Props{}
	}
	return Props{&propertySet{list: list, text: text}}
}

// properties makes properties from names and values in turn.
func properties(pairs []any) (list wire.Properties, inline string) {
	var buf []byte
	for i := 0; i < len(pairs); i += 2 {
		p := wire.Property{Name: text(pairs[i])}
		if i+1 < len(pairs) {
			p.Value = text(pairs[i+1])
		}
		p.Name, p.Value = cut(p.Name), cut(p.Value)
		list = append(list, p)
		buf = appendProperty(buf, p.Name, p.Value)
	}
	return list, string(buf)
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

func keep(list wire.Properties, text string) *propertySet {
	sets.mu.Lock()
	defer sets.mu.Unlock()
	if s, ok := sets.ids[text]; ok {
		return s
	}
	all := allSets()
	if len(all) > maxSets || sets.bytes+len(text) > maxSetBytes {
		return &propertySet{list: list, text: text}
	}
	s := &propertySet{id: uint32(len(all)), list: list, text: text}
	sets.bytes += len(text)
	all = append(all, s)
	sets.list.Store(&all)
	if sets.ids == nil {
		sets.ids = map[string]*propertySet{}
	}
	sets.ids[text] = s
	return s
}

// allSets returns what is kept; the first is the empty set.
func allSets() []*propertySet {
	if p := sets.list.Load(); p != nil {
		return *p
	}
	return []*propertySet{{}}
}
