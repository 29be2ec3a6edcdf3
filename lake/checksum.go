package lake

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/micromegas-go/micromegas/catalog"
)

// castagnoli is the polynomial that processors have an instruction for (RFC 3720, appendix B.4).
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is what the catalog records of payloads and files.
func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// summed is a writer that knows the checksum of what it has written.
type summed struct {
	out io.Writer
	sum uint32
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.out.Write(b)
	s.sum = crc32.Update(s.sum, castagnoli, b[:n])
	return n, err
}

// parquetMagic begins and ends a Parquet file.
const parquetMagic = "PAR1"

// checkEnds reports whether a file begins and ends as Parquet files do: it finds files that were cut off or overwritten
// with zeros, for the price of two reads.
func checkEnds(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var begin, end [len(parquetMagic)]byte
	if info.Size() < int64(2*len(parquetMagic)) {
		return fmt.Errorf("%d bytes are no Parquet file", info.Size())
	}
	if _, err := f.ReadAt(begin[:], 0); err != nil {
		return err
	}
	if _, err := f.ReadAt(end[:], info.Size()-int64(len(end))); err != nil {
		return err
	}
	if string(begin[:]) != parquetMagic || string(end[:]) != parquetMagic {
		return errors.New("it does not begin and end as a Parquet file")
	}
	return nil
}

// checkWhole reads a partition's file from end to end and compares it with what was recorded.
func checkWhole(ctx context.Context, p *catalog.Partition, path string) error {
	if p.Checksum == 0 {
		return checkEnds(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := &summed{out: io.Discard}
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(buf)
		_, _ = sum.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	return compare(p, sum.sum)
}

func compare(p *catalog.Partition, sum uint32) error {
	if p.Checksum != 0 && p.Checksum != sum {
		return fmt.Errorf("its checksum is %08x, not %08x", sum, p.Checksum)
	}
	return nil
}
