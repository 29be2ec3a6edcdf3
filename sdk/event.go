package sdk

import (
	"encoding/binary"
	"unsafe"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/wire"
)

// Events as words. The first word is the head, the second the stamp:
//
//	head     kind 8 bits · id 24 bits · argument 32 bits
//	begin    id: span                                                          2 words, in tracks only
//	end      argument: property set                                            2
//	begin async  id: span, argument: depth; span id, parent                    4
//	end async    the same                                                      4
//	end async with  the same; property set                                     5
//	integer  id: metric, argument: property set; value                         3
//	float    the same                                                          3
//	message  id: message, argument: property set                               2
//	text     id: target, argument: level; length of the text; the text         3 and more
//
// A kind with the flag inline is followed by properties of its own: a word with their number and their length in bytes,
// and the bytes: per property two lengths of 32 bits, name, value. So values without bound need not be interned.
// Bytes are filled up to whole words.
type kind uint8

const (
	kindBegin kind = iota
	kindEnd
	kindBeginAsync
	kindEndAsync
	kindEndAsyncWith
	kindInt
	kindFloat
	kindMessage
	kindText

	inline kind = 1 << 7
)

const kinds = 3 // of streams: sink.Logs, sink.Metrics, sink.Spans

// stream is where events of the kind go.
func (k kind) stream() sink.Kind {
	switch k &^ inline {
	case kindMessage, kindText:
		return sink.Logs
	case kindInt, kindFloat:
		return sink.Metrics
	default:
		return sink.Spans
	}
}

// fixed is the number of words of each kind before bytes.
var fixed = [16]uint8{2, 2, 4, 4, 5, 3, 3, 2, 3}

const (
	idShift  = 8
	argShift = 32
	maxID    = 1<<24 - 1
)

func headOf(k kind, id uint32) uint64 { return uint64(k) | uint64(id)<<idShift }

func kindOf(head uint64) kind  { return kind(head) }
func idOf(head uint64) uint32  { return uint32(head) >> idShift }
func argOf(head uint64) uint32 { return uint32(head >> argShift) }

// wordsFor is the number of words that n bytes take.
func wordsFor(n int) int { return (n + 7) / 8 }

// eventLen is the number of words of the event that w begins with.
func eventLen(w []uint64) int {
	k := kindOf(w[0])
	n := int(fixed[k&15])
	if k&^inline == kindText {
		n += wordsFor(int(w[2]))
	}
	if k&inline != 0 {
		n += 1 + wordsFor(int(uint32(w[n])))
	}
	return n
}

// bytesOf is the memory of w. Only this process reads it, so byte order does not matter.
func bytesOf(w []uint64) []byte {
	if len(w) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), len(w)*8) //nolint:gosec // G103: words are bytes, and aligned
}

// textOf is the text in the first n bytes of w, for as long as w does not change.
func textOf(w []uint64, n int) string {
	if n == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Pointer(&w[0])), n) //nolint:gosec // G103: see bytesOf
}

// appendProperty appends one property in the form of inline properties.
func appendProperty(dst []byte, name, value string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(name)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	dst = append(dst, name...)
	return append(dst, value...)
}

func putLengths(dst []byte, name, value int) {
	binary.LittleEndian.PutUint32(dst, uint32(name))
	binary.LittleEndian.PutUint32(dst[4:], uint32(value))
}

// eachProperty yields n inline properties.
func eachProperty(text string, n int, yield func(name, value string)) {
	length := func(at int) int {
		return int(text[at]) | int(text[at+1])<<8 | int(text[at+2])<<16 | int(text[at+3])<<24
	}
	for range n {
		name, value := length(0), length(4)
		text = text[8:]
		yield(text[:name], text[name:name+value])
		text = text[name+value:]
	}
}

func appendProperties(dst wire.Properties, text string, n int) wire.Properties {
	eachProperty(text, n, func(name, value string) { dst = append(dst, wire.Property{Name: name, Value: value}) })
	return dst
}
