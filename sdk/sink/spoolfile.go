package sink

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"github.com/micromegas-go/micromegas/telemetry"
)

// A file of the spool holds one block and all that is needed to send it, by whichever program finds it:
//
//	8 bytes  "mmspool" and the version of the format, 1
//	u8       kind: 0 logs, 1 metrics, 2 spans
//	u32      events
//	i64      when the block was handed over, nanoseconds since 1970
//	16 bytes id of the block
//	16 bytes id of the stream
//	u32, u32, u32  lengths of the three bodies
//	bytes    bodies of insert_process, insert_stream (both may be empty: not known) and insert_block
//	u32      CRC-32C of everything before
//
// Integers are little endian. Nothing follows.
const (
	spoolMagic  = "mmspool\x01"
	spoolHeader = len(spoolMagic) + 1 + 4 + 8 + 16 + 16 + 3*4
	spoolCRC    = 4
	// maxSpoolFile is more than a server takes in one request (100 MiB).
	maxSpoolFile = 128 * mib
)

// entry is what a file holds.
type entry struct {
	kind    Kind
	events  int
	created int64
	block   telemetry.BlockID
	stream  telemetry.StreamID

	processBody, streamBody, blockBody []byte
}

// spoolError says that a file could not be read back.
type spoolError struct{ err error }

func (e *spoolError) Error() string { return "spool: " + e.err.Error() }
func (e *spoolError) Unwrap() error { return e.err }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the content of a file.
func (e *entry) encode() []byte {
	dst := make([]byte, 0, spoolHeader+len(e.processBody)+len(e.streamBody)+len(e.blockBody)+spoolCRC)
	dst = append(dst, spoolMagic...)
	dst = append(dst, byte(e.kind))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(min(max(e.events, 0), math.MaxInt32)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.created))
	dst = append(dst, e.block[:]...)
	dst = append(dst, e.stream[:]...)
	for _, body := range [][]byte{e.processBody, e.streamBody, e.blockBody} {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(body)))
	}
	dst = append(dst, e.processBody...)
	dst = append(dst, e.streamBody...)
	dst = append(dst, e.blockBody...)
	return appendCRC(dst)
}

func appendCRC(dst []byte) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
}

// decodeEntry reads the content of a file. The bodies alias data.
func decodeEntry(data []byte) (e entry, err error) {
	if len(data) < spoolHeader+spoolCRC {
		return entry{}, errors.New("the file is too short")
	}
	if string(data[:len(spoolMagic)-1]) != spoolMagic[:len(spoolMagic)-1] {
		return entry{}, errors.New("this is no file of the spool")
	}
	if data[len(spoolMagic)-1] != spoolMagic[len(spoolMagic)-1] {
		return entry{}, errors.New("the file has another version of the format")
	}
	content, sum := data[:len(data)-spoolCRC], binary.LittleEndian.Uint32(data[len(data)-spoolCRC:])
	if crc32.Checksum(content, castagnoli) != sum {
		return entry{}, errors.New("the checksum does not fit")
	}
	r := content[len(spoolMagic):]
	e.kind, r = Kind(r[0]), r[1:]
	if e.kind >= kinds {
		return entry{}, errors.New("the kind is not known")
	}
	events := binary.LittleEndian.Uint32(r)
	if events > math.MaxInt32 {
		return entry{}, errors.New("the number of events is out of range")
	}
	e.events, r = int(events), r[4:]
	e.created, r = int64(binary.LittleEndian.Uint64(r)), r[8:]
	r = r[copy(e.block[:], r):]
	r = r[copy(e.stream[:], r):]
	var lengths [3]uint64
	var sum64 uint64
	for i := range lengths {
		lengths[i] = uint64(binary.LittleEndian.Uint32(r))
		sum64 += lengths[i]
		r = r[4:]
	}
	if sum64 != uint64(len(r)) || lengths[2] == 0 {
		return entry{}, errors.New("the lengths do not fit")
	}
	e.processBody, r = r[:lengths[0]:lengths[0]], r[lengths[0]:]
	e.streamBody, r = r[:lengths[1]:lengths[1]], r[lengths[1]:]
	e.blockBody = r
	return e, nil
}
