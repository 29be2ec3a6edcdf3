package wire

import (
	"fmt"

	"github.com/micromegas-go/micromegas/telemetry"
)

// DecodeStream reads the body of an insert_stream request. Both layouts are kept in their canonical encoding
// ([Layout.Encode]). Every error is permanent. Properties under [ReservedPrefix] are left out, see
// [ReservedProperties].
func DecodeStream(body []byte) (telemetry.Stream, error) {
	r, err := newCBORReader(body)
	if err != nil {
		return telemetry.Stream{}, fmt.Errorf("insert_stream: %w", err)
	}
	s := telemetry.Stream{Tags: []string{}, Format: telemetry.FormatNative}
	var reserved []string
	err = r.object([]cborField{
		{"process_id", r.intoID(func(t string) (err error) { s.ProcessID, err = telemetry.ParseProcessID(t); return })},
		{"stream_id", r.intoID(func(t string) (err error) { s.ID, err = telemetry.ParseStreamID(t); return })},
		{"dependencies_metadata", r.intoLayout(&s.DependenciesMetadata)},
		{"objects_metadata", r.intoLayout(&s.ObjectsMetadata)},
		{"tags", func() error {
			return r.array(maxTags, func() error {
				tag, err := r.text()
				s.Tags = append(s.Tags, tag)
				return err
			})
		}},
		{"properties", r.intoProperties(&s.Properties, &reserved)},
	})
	if err != nil {
		return telemetry.Stream{}, fmt.Errorf("insert_stream: %w", err)
	}
	return s, nil
}

func (r *cborReader) intoLayout(dst *[]byte) func() error {
	return func() error {
		l, err := r.layout()
		if err != nil {
			return err
		}
		*dst = l.Encode()
		return nil
	}
}

// EncodeStream returns the body of an insert_stream request. The metadata must be CBOR arrays, as [Layout.Encode]
// makes them; empty metadata stands for an empty layout.
func EncodeStream(s telemetry.Stream) []byte {
	dst := appendHead(nil, majorMap, 6)
	dst = appendText(appendText(dst, "process_id"), s.ProcessID.String())
	dst = appendText(appendText(dst, "stream_id"), s.ID.String())
	dst = appendMetadata(appendText(dst, "dependencies_metadata"), s.DependenciesMetadata)
	dst = appendMetadata(appendText(dst, "objects_metadata"), s.ObjectsMetadata)
	dst = appendHead(appendText(dst, "tags"), majorArray, uint64(len(s.Tags)))
	for _, t := range s.Tags {
		dst = appendText(dst, t)
	}
	return appendTextMap(appendText(dst, "properties"), s.Properties)
}

func appendMetadata(dst, cbor []byte) []byte {
	if len(cbor) == 0 {
		return appendHead(dst, majorArray, 0)
	}
	return append(dst, cbor...)
}
