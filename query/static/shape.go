package static

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// kind is what a value can be without losing anything; a set of kinds is their sum.
type kind uint16

const (
	kindBool  kind = 1 << iota
	kindInt        // whole, of 64 bits, and exact as a float
	kindWide       // whole, of 64 bits, not exact as a float
	kindFloat      // any other number that a float can hold
	kindDate
	kindTime
	kindText
	kindObject
	kindList
)

// shape is what is known of all values of a column, of a key of objects, or of the elements of lists.
type shape struct {
	seen    kind
	fields  []*field // of objects, in the order in which they first appear
	byName  map[string]*field
	element *shape // of lists
}

// field is a column, or a key of objects.
type field struct {
	name string
	shape
}

// Bounds of what a file may ask for.
const (
	maxFields  = 1000 // columns, those inside of objects counted
	maxNesting = 32   // of objects and lists
)

// field returns the field of that name and makes it if need be.
func (s *shape) field(name string) (*field, error) {
	if f := s.byName[name]; f != nil {
		return f, nil
	}
	switch {
	case name == "":
		return nil, &mistake{msg: "a column has no name", fix: "give it one"}
	case len(s.fields) >= maxFields:
		return nil, &mistake{
			msg: fmt.Sprintf("there are more than %d different columns or keys", maxFields),
			fix: "write what varies as a list of objects with a key and a value",
		}
	}
	for _, other := range s.fields {
		if strings.EqualFold(other.name, name) {
			return nil, &mistake{
				msg: fmt.Sprintf("%q and %q differ in upper and lower case only, which SQL does not tell apart", printable(other.name), printable(name)),
				fix: "rename one of them",
			}
		}
	}
	f := &field{name: name}
	if s.byName == nil {
		s.byName = map[string]*field{}
	}
	s.byName[name] = f
	s.fields = append(s.fields, f)
	return f, nil
}

// timeType is how all times are told to clients.
var timeType = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}

// arrowType is the one type that holds all values.
func (s *shape) arrowType() arrow.DataType {
	only := func(kinds kind) bool { return s.seen != 0 && s.seen&^kinds == 0 }
	switch {
	case only(kindBool):
		return arrow.FixedWidthTypes.Boolean
	case only(kindInt | kindWide):
		return arrow.PrimitiveTypes.Int64
	case only(kindInt | kindFloat):
		return arrow.PrimitiveTypes.Float64
	case only(kindDate):
		return arrow.FixedWidthTypes.Date32
	case only(kindTime):
		return timeType
	case only(kindObject) && len(s.fields) > 0:
		return arrow.StructOf(s.arrowFields()...)
	case only(kindList):
		return arrow.ListOfField(arrow.Field{Name: "item", Type: s.element.arrowType(), Nullable: true})
	}
	return arrow.BinaryTypes.String
}

func (s *shape) arrowFields() []arrow.Field {
	fields := make([]arrow.Field, len(s.fields))
	for i, f := range s.fields {
		fields[i] = arrow.Field{Name: f.name, Type: f.arrowType(), Nullable: true}
	}
	return fields
}

// schema is that of the table whose rows are objects of this shape.
func (s *shape) schema() *arrow.Schema { return arrow.NewSchema(s.arrowFields(), nil) }

// count is how many columns there are, those inside of others counted.
func (s *shape) count() int {
	n := 0
	for _, f := range s.fields {
		n += 1 + f.count()
	}
	if s.element != nil {
		n += s.element.count()
	}
	return n
}
