package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Scalars returns those that stand where a value stands.
func (f *Functions) Scalars() []query.Scalar {
	byMetadata := []arrow.DataType{typeText, typeText, typeTime, typeTime}
	return []query.Scalar{
		f.retiring("retire_partition_by_file", []arrow.DataType{typeText}, matchFile),
		f.retiring("retire_partition_by_metadata", byMetadata, matchMetadata),
		f.retiring("retire_partition_by_metadata", append(byMetadata[:4:4], typeBytes), matchMetadata),
		f.removeDenial(),
	}
}

// matchFile and matchMetadata name the partition of one row.
func matchFile(v []any) lake.PartitionMatch { return lake.PartitionMatch{File: v[0].(string)} }

func matchMetadata(v []any) lake.PartitionMatch {
	m := lake.PartitionMatch{
		Set: v[0].(string), Instance: v[1].(string), Begin: v[2].(telemetry.Time), End: v[3].(telemetry.Time),
	}
	if len(v) == 5 {
		m.Hash = append([]byte{}, v[4].([]byte)...)
	}
	return m
}

// name says which partition m names, as clients print it.
func name(m lake.PartitionMatch) string {
	if m.File != "" {
		return m.File
	}
	text := fmt.Sprintf("%s/%s [%s, %s)", m.Set, m.Instance, m.Begin.Std().Format(time.RFC3339Nano), m.End.Std().Format(time.RFC3339Nano))
	if m.Hash != nil {
		text += " schema_hash=" + hex.EncodeToString(m.Hash)
	}
	return text
}

// retiring is a function that retires one partition for each row, or none at all.
func (f *Functions) retiring(function string, args []arrow.DataType, match func([]any) lake.PartitionMatch) query.Scalar {
	return query.Scalar{
		Name: function, Admin: true, Args: args, Result: typeText,
		Call: func(ctx context.Context, columns [][]any, rows int) ([]any, error) {
			answers := make([]any, rows)
			matches := make([]lake.PartitionMatch, rows)
			bad := false
			for i := range rows {
				values := make([]any, len(columns))
				null := false
				for c := range columns {
					values[c] = columns[c][i]
					null = null || values[c] == nil
				}
				switch {
				case null:
					answers[i], bad = "ERROR: all arguments must be non-null", true
				case columns[0][i] == "":
					answers[i], bad = "ERROR: Partition not found: the first argument is empty", true
				default:
					matches[i] = match(values)
				}
			}
			if !bad {
				errs, err := f.lake.RetireMatching(ctx, matches)
				if err != nil {
					f.audit(ctx, function, names(matches), "", err)
					return nil, err
				}
				bad = answer(answers, matches, errs)
			}
			if bad { // nothing was done, for no row
				for i := range answers {
					if answers[i] == nil {
						answers[i] = "ERROR: ROLLED_BACK: another partition of the same call could not be retired: " + name(matches[i])
					}
				}
				f.audit(ctx, function, names(matches), "nothing was retired", nil)
				return answers, nil
			}
			for i := range answers {
				answers[i] = "SUCCESS: Retired partition " + name(matches[i])
			}
			f.audit(ctx, function, names(matches), fmt.Sprintf("%d partitions retired", rows), nil)
			return answers, nil
		},
	}
}

// answer says what is wrong with which row, and reports whether anything is.
func answer(answers []any, matches []lake.PartitionMatch, errs []error) (bad bool) {
	for i, err := range errs {
		switch {
		case errors.Is(err, lake.ErrNoPartition):
			answers[i] = "ERROR: Partition not found: " + name(matches[i])
		case errors.Is(err, lake.ErrAmbiguous):
			answers[i] = "ERROR: Ambiguous match: several partitions are " + name(matches[i]) + "; use retire_partition_by_file"
		}
		bad = bad || err != nil
	}
	return bad
}

func names(matches []lake.PartitionMatch) []string {
	list := make([]string, len(matches))
	for i, m := range matches {
		list[i] = name(m)
	}
	return list
}
