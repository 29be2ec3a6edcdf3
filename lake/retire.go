package lake

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Progress is told what an operation of an administrator does, while it does it.
type Progress func(msg string)

// PartitionRecord is a live partition as administrators see it.
type PartitionRecord struct {
	catalog.PartitionRecord
	Instance string
	// Begin and End are the smallest and largest insert time of its blocks, made wider to whole microseconds: clients keep
	// no more, and what they send back must mean the same partition.
	Begin, End telemetry.Time
	Hash       []byte // of the schema of its file, see ViewSet
	SortOrder  []string
}

// Partitions returns the live partitions, those without rows among them.
func (l *Lake) Partitions(ctx context.Context) ([]PartitionRecord, error) {
	return l.partitionRecords(ctx, catalog.PartitionFilter{})
}

func (l *Lake) partitionRecords(ctx context.Context, f catalog.PartitionFilter) ([]PartitionRecord, error) {
	var found []catalog.PartitionRecord
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		found, err = r.PartitionRecords(ctx, f)
		return err
	})
	if err != nil {
		return nil, readFault(ctx, err)
	}
	list := make([]PartitionRecord, len(found))
	for i, p := range found {
		v := materialised(p.View)
		list[i] = PartitionRecord{
			PartitionRecord: p, Instance: global, Begin: floorMicro(p.MinInsert), End: ceilMicro(p.MaxInsert),
			Hash: v.hashOf(p.Schema), SortOrder: v.sorted,
		}
	}
	return list, nil
}

const microsecond = telemetry.Time(time.Microsecond)

func floorMicro(t telemetry.Time) telemetry.Time {
	rest := t % microsecond
	if rest < 0 {
		rest += microsecond
	}
	return max(t, math.MinInt64+microsecond) - rest
}

func ceilMicro(t telemetry.Time) telemetry.Time {
	if floor := floorMicro(t); floor == t || t > math.MaxInt64-microsecond {
		return t
	}
	return floorMicro(t) + microsecond
}

// hashOf returns the hash of the schema with which a file was written; see ViewSet.
func (v *view) hashOf(version int) []byte {
	if version == v.version {
		return v.schemaHash()
	}
	return append([]byte{0}, fmt.Appendf(nil, "%d", version)...) // of an earlier release: none that is current
}

// checkSet finds the view of a set whose rows are kept in partitions. Clients look for the text.
func checkSet(set string) (catalog.View, error) {
	for _, v := range catalog.Views() {
		if string(v) == set {
			return v, nil
		}
	}
	for _, v := range allViews {
		if v.name == set {
			return "", &fault.Error{
				Kind: fault.Invalid, Msg: fmt.Sprintf("view set %s is kept in no partitions: its rows are made when they are asked for", set),
			}
		}
	}
	return "", unknownSet("", set)
}

// retireBlocks bounds the blocks that one transaction of RetirePartitions gives back, unless they are of one partition: on
// SQLite nothing can be recorded meanwhile.
const retireBlocks = 50_000

// RetirePartitions retires the partitions of a view whose blocks were all inserted from begin to end, some at a time. Their
// blocks wait to be materialised again: no row leaves any answer. That there are none is told, and no error.
func (l *Lake) RetirePartitions(ctx context.Context, set, instance string, begin, end telemetry.Time, say Progress) error {
	view, err := checkSet(set)
	if err != nil {
		return err
	}
	retired := 0
	within := func(all []PartitionRecord) []PartitionRecord {
		return slices.DeleteFunc(all, func(p PartitionRecord) bool {
			return p.Instance != instance || p.Begin < begin || p.End > end
		})
	}
	for try := 0; ; try++ {
		all, err := l.partitionRecords(ctx, catalog.PartitionFilter{View: view})
		if err != nil {
			return err
		}
		again := false
		for _, some := range inParts(within(all), retireBlocks) {
			switch err := l.catalog.RetirePartitions(ctx, partitionIDs(some)); {
			case errors.Is(err, catalog.ErrNotFound) && try < 10:
				again = true
				continue
			case err != nil:
				return writeFault(ctx, err)
			}
			retired += len(some)
			for _, p := range some {
				say(fmt.Sprintf("[RETIRE_FOUND] view=%s instance=%s begin=%s end=%s file_path=%s blocks=%d rows=%d: its blocks wait to be materialised again",
					set, instance, rfc(p.Begin), rfc(p.End), p.File, p.Blocks, p.Rows))
			}
		}
		if again {
			continue
		}
		if retired == 0 {
			say(fmt.Sprintf("[%s, %s] %s %s: matching partitions not found", rfc(begin), rfc(end), set, instance))
		}
		return nil
	}
}

// inParts divides partitions into runs of at most so many blocks, or one partition.
func inParts(list []PartitionRecord, blocks int64) (parts [][]PartitionRecord) {
	from, sum := 0, int64(0)
	for i := range list {
		if sum += list[i].Blocks; sum > blocks && i > from {
			parts = append(parts, list[from:i])
			from, sum = i, list[i].Blocks
		}
	}
	if from < len(list) {
		parts = append(parts, list[from:])
	}
	return parts
}

func partitionIDs(list []PartitionRecord) []catalog.PartitionID {
	ids := make([]catalog.PartitionID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// retireChosen retires in one transaction what choose takes from the live partitions. When one of them was merged
// meanwhile, it chooses again.
func (l *Lake) retireChosen(ctx context.Context, f catalog.PartitionFilter,
	choose func([]PartitionRecord) ([]PartitionRecord, error), done func([]PartitionRecord),
) error {
	for try := 0; ; try++ {
		all, err := l.partitionRecords(ctx, f)
		if err != nil {
			return err
		}
		chosen, err := choose(all)
		if err != nil {
			return err
		}
		if len(chosen) > 0 {
			err = l.catalog.RetirePartitions(ctx, partitionIDs(chosen))
		}
		switch {
		case err == nil:
			done(chosen)
			return nil
		case !errors.Is(err, catalog.ErrNotFound) || try == 10:
			return writeFault(ctx, err)
		}
	}
}

// writeFault classifies an error of an administrator's operation.
func writeFault(ctx context.Context, err error) error {
	switch {
	case err == nil || fault.Of(err) != nil:
		return err
	case ctx.Err() != nil:
		return readFault(ctx, err)
	case errors.Is(err, catalog.ErrUnavailable):
		return fault.Wrap(fault.Unavailable, "the catalog cannot be written now; what was reported done is done", err)
	case errors.Is(err, catalog.ErrLostClaim), errors.Is(err, catalog.ErrNotFound):
		return fault.Wrap(fault.Unavailable, "another operation changed the same partitions; try again", err)
	}
	if bad, ok := errors.AsType[*decodeError](err); ok {
		return &fault.Error{
			Kind: fault.Invalid, Msg: "a block cannot be decoded: " + bad.Error(), Err: err,
			Fix: "the partitions that hold it are as they were; list_quarantined_blocks() shows blocks that wait",
		}
	}
	return fault.Wrap(fault.Internal, "the operation failed", err)
}

// PartitionMatch names one partition by what list_partitions says of it.
type PartitionMatch struct {
	File string // of this file; when it is set the rest does not count

	Set, Instance string
	Begin, End    telemetry.Time
	Hash          []byte // nil: of any schema
}

func (m PartitionMatch) matches(p *PartitionRecord) bool {
	if m.File != "" {
		return p.File == m.File
	}
	return string(p.View) == m.Set && p.Instance == m.Instance && floorMicro(m.Begin) == p.Begin && ceilMicro(m.End) == p.End &&
		(m.Hash == nil || bytes.Equal(m.Hash, p.Hash))
}

// Errors of [Lake.RetireMatching].
var (
	ErrNoPartition = errors.New("no live partition matches")
	ErrAmbiguous   = errors.New("several live partitions match")
)

// RetireMatching retires exactly one partition for each match, all in one transaction or, when one of them has none or
// several, nothing. The errors are by match.
func (l *Lake) RetireMatching(ctx context.Context, matches []PartitionMatch) (errs []error, err error) {
	var f catalog.PartitionFilter
	if len(matches) == 1 && matches[0].File != "" {
		f.File = matches[0].File
	}
	errBad := errors.New("nothing to do")
	err = l.retireChosen(ctx, f, func(all []PartitionRecord) ([]PartitionRecord, error) {
		errs = make([]error, len(matches))
		var chosen []PartitionRecord
		bad := false
		taken := map[catalog.PartitionID]bool{}
		for i, m := range matches {
			var found []PartitionRecord
			for k := range all {
				if m.matches(&all[k]) {
					found = append(found, all[k])
				}
			}
			switch {
			case len(found) == 0:
				errs[i] = ErrNoPartition
			case len(found) > 1:
				errs[i] = ErrAmbiguous
			case !taken[found[0].ID]:
				taken[found[0].ID] = true
				chosen = append(chosen, found[0])
			}
			bad = bad || errs[i] != nil
		}
		if bad {
			return nil, errBad
		}
		return chosen, nil
	}, func(chosen []PartitionRecord) {
		for _, p := range chosen {
			l.log.InfoContext(ctx, "partition retired by hand", "view", string(p.View), "file", p.File, "blocks", p.Blocks,
				"schema", hex.EncodeToString(p.Hash))
		}
	})
	if errors.Is(err, errBad) {
		err = nil
	}
	return errs, err
}

// rfc writes a time as administrators read it.
func rfc(t telemetry.Time) string { return t.Std().UTC().Format(time.RFC3339Nano) }
