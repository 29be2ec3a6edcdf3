package query

import (
	"context"
	"regexp"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// damageWords are what the engine's errors say when it cannot make sense of a file's bytes. They cannot be told from errors of the
// statement by their kind.
var damageWords = regexp.MustCompile(`(?i)parquet|zstd|snappy|decompress|decode|thrift|TProtocol|magic bytes|footer|page header|dictionary|bloom|corrupt|read from file|IO Error|open file|bytes`)

// blame returns err, or, when a file of the lake turns out to be damaged, that it is: reading all of them costs what a scan
// costs, so it is done only after errors that sound like it.
func (in *input) blame(ctx context.Context, err error) error {
	if in == nil || in.snapshot == nil || ctx.Err() != nil || fault.KindOf(err) == fault.Exhausted || !damageWords.MatchString(err.Error()) {
		return err
	}
	if damaged := in.snapshot.Recheck(ctx); damaged != nil {
		return damaged
	}
	return err
}
