package lake

import (
	"hash/fnv"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// ViewSet describes a family of tables with one schema: a global table, instances, or both.
type ViewSet struct {
	Name   string
	Schema *arrow.Schema
	// Hash changes with the schema. Clients compare it with that of partitions.
	Hash      []byte
	Instances bool // view_instance makes tables of it
	Global    bool // there is a table of this name
}

// ViewSets returns all view sets, by name.
func ViewSets() []ViewSet {
	sets := make([]ViewSet, len(allViews))
	for i, v := range allViews {
		sets[i] = ViewSet{Name: v.name, Schema: v.schema, Hash: v.schemaHash(), Instances: v.instance != "", Global: v.bare == ""}
	}
	slices.SortFunc(sets, func(a, b ViewSet) int { return strings.Compare(a.Name, b.Name) })
	return sets
}

// schemaHash returns the byte that clients know v's schema by. Views that are made by SQL elsewhere have a hash of their
// schema instead.
func (v *view) schemaHash() []byte {
	if v.hash != 0 {
		return []byte{v.hash}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.schema.String()))
	return h.Sum(nil)
}
