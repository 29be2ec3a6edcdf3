package wire

import (
	"errors"
	"fmt"
)

const (
	// maxTypes follows from the type index of a queue being one byte.
	maxTypes = 256
	// maxMembers is far above any type of a known client; the largest has nine.
	maxMembers = 1024
)

// Type is the memory layout of one kind of event or dependency record, as the client describes it.
type Type struct {
	Name string
	// Size is in bytes. 0 means that each object carries its own size.
	Size    uint32
	Members []Member
	// IsReference says that an object of this type stands for the dependency that its member "id" names.
	IsReference bool
}

// Member is one field of a [Type].
type Member struct {
	Name        string
	TypeName    string
	Offset      uint32 // in bytes from the start of the object
	Size        uint32 // in bytes
	IsReference bool   // the first eight bytes are the id of a dependency
}

// Layout lists the types of a queue. The position in the list is the type index.
type Layout []Type

// DecodeLayout reads a CBOR array of types, as streams carry and store it.
func DecodeLayout(cbor []byte) (Layout, error) {
	r, err := newCBORReader(cbor)
	if err != nil {
		return nil, err
	}
	return r.layout()
}

func (r *cborReader) layout() (Layout, error) {
	l := Layout{}
	err := r.array(maxTypes, func() error {
		t, err := r.layoutType()
		l = append(l, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (r *cborReader) layoutType() (Type, error) {
	t := Type{Members: []Member{}}
	err := r.object([]cborField{
		{"name", r.intoText(&t.Name)},
		{"size", r.intoUint32(&t.Size)},
		{"members", func() error {
			return r.array(maxMembers, func() error {
				m, err := r.layoutMember()
				t.Members = append(t.Members, m)
				return err
			})
		}},
		{"is_reference", r.intoBool(&t.IsReference)},
	})
	return t, err
}

func (r *cborReader) layoutMember() (Member, error) {
	var m Member
	err := r.object([]cborField{
		{"name", r.intoText(&m.Name)},
		{"type_name", r.intoText(&m.TypeName)},
		{"offset", r.intoUint32(&m.Offset)},
		{"size", r.intoUint32(&m.Size)},
		{"is_reference", r.intoBool(&m.IsReference)},
	})
	return m, err
}

// Encode returns l as a CBOR array in the canonical form: definite lengths, keys in the order of the fields of [Type]
// and [Member]. Equal layouts have equal bytes.
func (l Layout) Encode() []byte {
	dst := appendHead(nil, majorArray, uint64(len(l)))
	for _, t := range l {
		dst = appendHead(dst, majorMap, 4)
		dst = appendText(appendText(dst, "name"), t.Name)
		dst = appendInt(appendText(dst, "size"), int64(t.Size))
		dst = appendHead(appendText(dst, "members"), majorArray, uint64(len(t.Members)))
		for _, m := range t.Members {
			dst = appendHead(dst, majorMap, 5)
			dst = appendText(appendText(dst, "name"), m.Name)
			dst = appendText(appendText(dst, "type_name"), m.TypeName)
			dst = appendInt(appendText(dst, "offset"), int64(m.Offset))
			dst = appendInt(appendText(dst, "size"), int64(m.Size))
			dst = appendBool(appendText(dst, "is_reference"), m.IsReference)
		}
		dst = appendBool(appendText(dst, "is_reference"), t.IsReference)
	}
	return dst
}

// Validate reports every type of l that cannot be decoded: members outside of their type, unknown member types, types
// that contain themselves. A stream with such a type is accepted; events of that type count as bad.
func (l Layout) Validate() error {
	s, err := newSchema(l)
	if err != nil {
		return err
	}
	var errs []error
	for i := range s.types {
		if err := s.types[i].err; err != nil {
			errs = append(errs, fmt.Errorf("type %d %q: %w", i, l[i].Name, err))
		}
	}
	return errors.Join(errs...)
}
