package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/telemetry"
)

// log_stats counts log entries. Whoever writes a partition of log entries counts its rows in the same pass, into a second
// file that lies beside it: its companion. A query adds up the companions of the live partitions, and counts the rows of
// pending blocks and of partitions without a companion. So log_stats covers exactly what log_entries does.

// minute is the length of the bins.
const minute = telemetry.Time(60e9)

// maxCounts is how many counts a companion has at most. A partition with more, where hardly two rows have the same target,
// gets none.
const maxCounts = 1 << 18

// countKey is what log entries are counted by.
type countKey struct {
	bin                       telemetry.Time
	level                     int32
	process, target, audience string
}

// logCounts counts the rows of a partition while it is being written.
type logCounts struct {
	counts map[countKey]int64
	full   bool // too many; there are no counts
}

// add counts the rows of log entries.
func (c *logCounts) add(r *rows) {
	if c.full {
		return
	}
	type codes struct {
		bin                       telemetry.Time
		level                     int32
		process, target, audience int32
	}
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	process, target, audience := col("process_id"), col("target"), col("audience")
	times, levels := r.cols[r.index("time")].(*numbers[int64]).rows, r.cols[r.index("level")].(*numbers[int32]).rows
	found := map[codes]int64{}
	var last codes
	run := int64(0) // rows since the last change; neighbours are often alike
	for i, t := range times {
		k := codes{floorMinute(telemetry.Time(t)), levels[i], process.rows[i], target.rows[i], audience.rows[i]}
		if k != last && run > 0 {
			found[last] += run
			run = 0
		}
		last = k
		run++
	}
	if run > 0 {
		found[last] += run
	}
	for k, n := range found {
		c.counts[countKey{k.bin, k.level, process.value(k.process), target.value(k.target), audience.value(k.audience)}] += n
	}
	if len(c.counts) > maxCounts {
		c.counts, c.full = nil, true
	}
}

func floorMinute(t telemetry.Time) telemetry.Time {
	rest := t % minute
	if rest < 0 {
		rest += minute
	}
	return t - rest
}

// companionKey is where the companion of a partition's file lies.
func companionKey(file string) string {
	return strings.Replace(file, viewPrefix+logEntries.name+"/", viewPrefix+logStats.name+"/", 1)
}

// partitionKey is the file whose companion lies at key, or key itself.
func partitionKey(key string) string {
	return strings.Replace(key, viewPrefix+logStats.name+"/", viewPrefix+logEntries.name+"/", 1)
}

// storeCompanion puts the counts of p into the object store.
func (l *Lake) storeCompanion(ctx context.Context, c *logCounts, p *catalog.Partition) error {
	if c == nil || c.full {
		return nil
	}
	r := newRows(logStats)
	for k, n := range c.counts {
		r.cols[r.index("time_bin")].(*numbers[int64]).add(int64(k.bin))
		r.cols[r.index("process_id")].(*coded).add(k.process)
		r.cols[r.index("level")].(*numbers[int32]).add(k.level)
		r.cols[r.index("target")].(*coded).add(k.target)
		r.cols[r.index("count")].(*numbers[int64]).add(n)
		r.cols[r.index("audience")].(*coded).add(k.audience)
	}
	r.sort()
	out, err := createFile(l.cache.temp(), logStats, lasting)
	if err != nil {
		return err
	}
	if err := out.write(r); err != nil {
		out.abandon()
		return err
	}
	size, err := out.close()
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.path) }()
	if err := l.objects.PutFile(ctx, companionKey(p.File), out.path); err != nil {
		return fmt.Errorf("store the counts of a partition: %w", err)
	}
	p.Companion = size
	return nil
}

// deleteFile deletes the file of a partition and its companion. One that is missing is not an error.
func (l *Lake) deleteFile(ctx context.Context, file string) error {
	if companion := companionKey(file); companion != file {
		if err := l.objects.Delete(ctx, companion); err != nil {
			return err
		}
	}
	return l.objects.Delete(ctx, file)
}

// viewFilesInUse is FilesInUse for companions too.
func (l *Lake) viewFilesInUse(ctx context.Context, keys []string) (map[string]bool, error) {
	files := make([]string, len(keys))
	for i, key := range keys {
		files[i] = partitionKey(key)
	}
	used, err := l.catalog.FilesInUse(ctx, files)
	for i, key := range keys {
		if err == nil && used[files[i]] {
			used[key] = true
		}
	}
	return used, err
}

// companion returns the local file of the companion of p, held; nil when there is none, or it is not what was recorded:
// then the rows themselves are counted.
func (l *Lake) companion(ctx context.Context, p *catalog.Partition) (*localFile, error) {
	key := companionKey(p.File)
	if p.Companion == 0 || l.uncounted.has(key) {
		return nil, nil
	}
	if local, ok := l.objects.(localObjects); ok {
		path, err := local.Path(key)
		if err != nil {
			return nil, fmt.Errorf("counts of partition %s: %w", p.ID, err)
		}
		if damage := checkCompanion(path, p.Companion); damage != nil {
			l.noCompanion(ctx, p, damage)
			return nil, nil
		}
		return &localFile{path: path, size: p.Companion}, nil
	}
	f, err := l.cache.get(ctx, key, func(ctx context.Context, path string) (int64, error) {
		data, err := l.objects.Get(ctx, key)
		if err == nil && int64(len(data)) != p.Companion {
			err = fmt.Errorf("%w: it has %d bytes, not %d", objstore.ErrNotFound, len(data), p.Companion)
		}
		if err != nil {
			return 0, err
		}
		return writeFile(path, data)
	})
	switch {
	case errors.Is(err, objstore.ErrNotFound):
		l.noCompanion(ctx, p, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("counts of partition %s: %w", p.ID, storeFault(ctx, err))
	}
	return f, nil
}

// recheckCompanion reads a companion from end to end, and reports whether it is damaged: then this process does without it.
func (l *Lake) recheckCompanion(ctx context.Context, u *usedPartition) (damaged bool) {
	var counted int64
	var err error
	for b, e := range readParquet(ctx, u.file.path) {
		if err = e; err != nil {
			break
		}
		for _, n := range int64Column(b, "count").Int64Values() {
			counted += n
		}
	}
	if err == nil && counted != u.partition.Rows {
		err = fmt.Errorf("it counts %d of %d rows", counted, u.partition.Rows)
	}
	if err == nil || ctx.Err() != nil {
		return false
	}
	l.noCompanion(ctx, &u.partition, err)
	l.uncounted.add(companionKey(u.partition.File))
	return true
}

func checkCompanion(path string, size int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() != size {
		return fmt.Errorf("it has %d bytes, not %d", info.Size(), size)
	}
	return checkEnds(path)
}

func (l *Lake) noCompanion(ctx context.Context, p *catalog.Partition, err error) {
	l.log.WarnContext(ctx, "counts of a partition are damaged; its rows are counted instead", "partition_id", p.ID, "err", err)
}

// logStatsTable makes t the counts of all log entries.
func (l *Lake) logStatsTable(ctx context.Context, p *plan, t *Table) (held []*localFile, err error) {
	pending, leftOut, err := l.pending[catalog.LogEntries].read(ctx, l, p.pending, binned(p.scan.Range), p.process())
	held, p.leftOut = append(held, pending...), leftOut
	if err != nil {
		return held, err
	}
	counts, entries := []string(nil), paths(pending)
	for i := range p.partitions {
		f, err := l.companion(ctx, &p.partitions[i])
		if err != nil {
			return held, err
		}
		if f != nil {
			held, counts = append(held, f), append(counts, f.path)
			p.used = append(p.used, usedPartition{p.partitions[i], f, true})
			continue
		}
		f, err = l.partition(ctx, &p.partitions[i])
		if isUnusable(err) {
			p.unusable = append(p.unusable, err)
			continue
		}
		if err != nil {
			return held, err
		}
		if f != nil {
			held, entries = append(held, f), append(entries, f.path)
			p.used = append(p.used, usedPartition{p.partitions[i], f, false})
		}
	}
	t.addUp(counts, entries, p.scan.Range)
	return held, nil
}

// binned returns the times of events whose bins lie in r.
func binned(r telemetry.Range) telemetry.Range {
	if r.End != nil {
		end := max(*r.End, *r.End+minute)
		r.End = &end
	}
	return r
}

// addUp makes t read counts and log entries.
func (t *Table) addUp(counts, entries []string, during telemetry.Range) {
	var parts []string
	if len(counts) > 0 {
		parts = append(parts, fmt.Sprintf("SELECT time_bin, process_id, level, target, audience, count AS n FROM {%d}", len(t.Sources)))
		t.Sources = append(t.Sources, counts)
	}
	if len(entries) > 0 {
		where := ""
		if conditions := Within(binned(during), "time", "time"); len(conditions) > 0 { // the rest is left to Filter
			where = " WHERE " + strings.Join(conditions, " AND ")
		}
		parts = append(parts, fmt.Sprintf(`SELECT make_timestamp_ns(epoch_ns("time") - (epoch_ns("time") %% %d + %d) %% %d) AS time_bin,
    process_id, level, target, audience, count(*) AS n FROM {%d}%s GROUP BY 1, 2, 3, 4, 5`, minute, minute, minute, len(t.Sources), where))
		t.Sources = append(t.Sources, entries)
	}
	if len(parts) > 0 {
		t.Query = "SELECT time_bin, process_id, level, target, CAST(sum(n) AS BIGINT) AS count, audience FROM (" +
			strings.Join(parts, " UNION ALL ") + ") GROUP BY time_bin, process_id, level, target, audience"
	}
}
