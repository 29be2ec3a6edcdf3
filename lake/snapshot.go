package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/nearest"
	"github.com/micromegas-go/micromegas/telemetry"
)

// global is the instance that stands for the bare table.
const global = "global"

// definition finds the view of a scan, or says why there is none. Clients look for these texts.
func definition(name, instance string) (*view, error) {
	if of, ok := unmerged(name); ok {
		name = of
	}
	at := slices.IndexFunc(allViews, func(v *view) bool { return v.name == name })
	if at < 0 {
		return nil, unknownSet("error making view: ", name)
	}
	v := allViews[at]
	if (Scan{Instance: instance}).bare() {
		if v.bare != "" {
			return nil, fault.New(fault.Invalid, v.bare)
		}
		return v, nil
	}
	var err error
	switch v.instance {
	case "":
		return nil, fault.New(fault.Invalid, fmt.Sprintf("error making view: %s has no instances", name))
	case "stream":
		_, err = telemetry.ParseStreamID(instance)
	default:
		_, err = telemetry.ParseProcessID(instance)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("error making view: %s takes a %s id: %s", name, v.instance, err))
	}
	return v, nil
}

// unknownSet says that there is no view set of this name, and which one may be meant.
func unknownSet(before, name string) error {
	f := fault.New(fault.Invalid, fmt.Sprintf("%sview set %s not found", before, name))
	if meant := nearest.Name(name, func(yield func(string) bool) {
		for _, v := range allViews {
			if !yield(v.name) {
				return
			}
		}
	}); meant != "" {
		f.Fix = fmt.Sprintf("is %s meant?", meant)
	}
	return f
}

// Views returns the names of the tables that need no instance.
func (l *Lake) Views() []string {
	return []string{
		processes.name, streams.name, blocks.name, logEntries.name, measures.name, logStats.name,
		"__processes__partitions", "__streams__partitions", "__log_stats__partitions",
	}
}

// unmerged returns the view whose rows before merging name stands for. Elsewhere there may be several of them for a row of the
// view; here nothing is left to merge, and they are the same.
func unmerged(name string) (of string, ok bool) {
	of, begins := strings.CutPrefix(name, "__")
	of, ends := strings.CutSuffix(of, "__partitions")
	return of, begins && ends && (of == processes.name || of == streams.name || of == logStats.name)
}

// Schema returns what clients see of a view. It does not look whether the instance exists.
func (l *Lake) Schema(view, instance string) (*arrow.Schema, error) {
	v, err := definition(view, instance)
	if err != nil {
		return nil, err
	}
	return v.schema, nil
}

// plan is what the catalog says about one scan.
type plan struct {
	scan Scan
	view *view

	partitions []catalog.Partition
	pending    []catalog.PendingBlock // of a materialised view; of a view made on demand: its blocks

	processes []catalog.ProcessRecord
	streams   []catalog.StreamRecord
	blocks    []catalog.BlockRecord

	// Records of the catalog, when these are the rows: in memory when they are few.
	batches []arrow.RecordBatch
	file    *localFile

	unusable []error // of partitions; filled in by table, as is
	leftOut  int     // how many blocks cannot be read
	used     []usedPartition
}

// repairs is how often a query looks again after it has found files broken and set them aside.
const repairs = 4

// Snapshot returns what a query reads: one consistent state of all relations that it scans. Errors are faults. A partition
// whose file turns out to be broken is set aside, and its rows are read from its blocks.
func (l *Lake) Snapshot(ctx context.Context, scans []Scan) (*Snapshot, error) {
	for range repairs {
		s, unusable, err := l.snapshot(ctx, scans)
		if err != nil {
			return nil, readFault(ctx, err)
		}
		if len(unusable) == 0 {
			return s, nil
		}
		s.Close()
		for _, err := range unusable {
			if err := l.takeBack(ctx, err); err != nil {
				return nil, readFault(ctx, err)
			}
		}
	}
	return nil, fault.New(fault.Unavailable, "files of the lake are damaged, and more of them with every look")
}

// snapshot returns a snapshot, and why partitions are not in it: their files are broken, or too old.
func (l *Lake) snapshot(ctx context.Context, scans []Scan) (*Snapshot, []error, error) {
	plans := make([]*plan, len(scans))
	for i, scan := range scans {
		v, err := definition(scan.View, scan.Instance)
		if err != nil {
			return nil, nil, err
		}
		plans[i] = &plan{scan: scan, view: v}
	}
	err := l.catalog.Read(ctx, func(r *catalog.Reader) error {
		for _, p := range plans {
			if err := p.look(ctx, l, r); err != nil {
				return err
			}
		}
		return nil
	})
	var held []*localFile
	for _, p := range plans {
		if p.file != nil {
			held = append(held, p.file)
		}
	}
	if err != nil {
		for _, f := range held {
			f.release()
		}
		return nil, nil, err
	}
	snapshot := &Snapshot{lake: l, release: func() {
		for _, f := range held {
			f.release()
		}
	}}
	var unusable []error
	for _, p := range plans {
		table, files, err := l.table(ctx, p)
		held = append(held, files...)
		if err != nil {
			snapshot.Close()
			return nil, nil, err
		}
		unusable = append(unusable, p.unusable...)
		snapshot.Tables = append(snapshot.Tables, table)
		snapshot.LeftOut += p.leftOut
		snapshot.used = append(snapshot.used, p.used...)
	}
	return snapshot, unusable, nil
}

// readFault classifies an error of reading.
func readFault(ctx context.Context, err error) error {
	switch {
	case fault.Of(err) != nil:
		return err
	case ctx.Err() != nil:
		if cause := fault.Of(context.Cause(ctx)); cause != nil { // says why, such as a limit of time
			return cause
		}
		return fault.Wrap(fault.Canceled, "the query was cancelled", err)
	case errors.Is(err, catalog.ErrUnavailable):
		return fault.Wrap(fault.Unavailable, "the catalog cannot be read now", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return &fault.Error{
			Kind: fault.Unavailable, Msg: "this server has no room for the files that the query needs",
			Fix: "ask again later; the operator can make room in the cache folder", Err: err,
		}
	default:
		return fault.Wrap(fault.Internal, "the lake cannot be read", err)
	}
}

// look reads from the catalog what p needs.
func (p *plan) look(ctx context.Context, l *Lake, r *catalog.Reader) (err error) {
	during := catalog.Filter{Range: p.scan.Range}
	switch p.view {
	case processes, streams, blocks:
		return p.records(ctx, l, r, p.scan.Only.narrow(during))
	case logStats:
		during.Range = binned(during.Range)
		if p.pending, err = r.Pending(ctx, catalog.LogEntries, catalog.Filter{WithoutPayload: true}); err != nil {
			return err
		}
		p.partitions, err = r.Partitions(ctx, catalog.LogEntries, p.scan.Only.narrow(during))
		return err
	case logEntries, measures:
		name := catalog.View(p.view.name)
		if !p.scan.bare() {
			during.Process, _ = telemetry.ParseProcessID(p.scan.Instance)
			if err := p.mustExist(ctx, r, during.Process); err != nil {
				return err
			}
		}
		if p.pending, err = r.Pending(ctx, name, catalog.Filter{WithoutPayload: true}); err != nil {
			return err
		}
		p.partitions, err = r.Partitions(ctx, name, p.scan.Only.narrow(during))
		return err
	case threadSpans:
		during = around(during)
		during.Stream, _ = telemetry.ParseStreamID(p.scan.Instance)
		if p.blocks, err = r.BlocksDuring(ctx, during); err != nil {
			return err
		}
		found, err := r.Streams(ctx, catalog.Filter{Stream: during.Stream})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return unknownInstance(p.scan.Instance)
		}
		p.streams = found
		p.processes, err = r.Processes(ctx, catalog.Filter{Process: found[0].ProcessID})
		return err
	default: // of a process
		during = around(during)
		during.Process, _ = telemetry.ParseProcessID(p.scan.Instance)
		during.Tag = tags[p.view]
		if p.blocks, err = r.BlocksDuring(ctx, during); err != nil {
			return err
		}
		if err := p.lookAround(ctx, r, catalog.Filter{Process: during.Process}, catalog.Filter{Process: during.Process}); err != nil {
			return err
		}
		if len(p.processes) == 0 {
			return unknownInstance(p.scan.Instance)
		}
		return nil
	}
}

// records reads rows that the catalog has.
func (p *plan) records(ctx context.Context, l *Lake, r *catalog.Reader, f catalog.Filter) (err error) {
	b := l.newRecordTable(p.view)
	defer b.close()
	switch p.view {
	case processes:
		err = r.EachProcess(ctx, f, func(record *catalog.ProcessRecord) error {
			b.process(record)
			return b.endRow(ctx)
		})
	case streams:
		err = r.EachStream(ctx, f, func(record *catalog.StreamRecord) error {
			b.stream(record)
			return b.endRow(ctx)
		})
	default:
		err = r.EachBlock(ctx, f, func(record *catalog.PendingBlock) error {
			b.block(record)
			return b.endRow(ctx)
		})
	}
	if err == nil {
		p.batches, p.file, err = b.finish()
	}
	return err
}

// tags are those of the streams that views of a process are made from.
var tags = map[*view]string{
	asyncEvents: telemetry.TagCPU, netSpans: telemetry.TagNet, images: telemetry.TagImage, otelSpans: telemetry.TagTrace,
}

// slack is how far events may lie outside the times of their block: a block's times are read a moment apart from its
// ticks, and the process's clock is estimated or known to microseconds only.
const slack = telemetry.Time(60e9)

// around widens the range of a filter on blocks so that it meets all blocks that may hold events in it.
func around(f catalog.Filter) catalog.Filter {
	if f.Range.Begin != nil {
		begin := max(*f.Range.Begin, math.MinInt64+slack) - slack
		f.Range.Begin = &begin
	}
	if f.Range.End != nil {
		end := min(*f.Range.End, math.MaxInt64-slack) + slack
		f.Range.End = &end
	}
	return f
}

func (p *plan) lookAround(ctx context.Context, r *catalog.Reader, ofProcesses, ofStreams catalog.Filter) (err error) {
	if p.processes, err = r.Processes(ctx, ofProcesses); err != nil {
		return err
	}
	p.streams, err = r.Streams(ctx, ofStreams)
	return err
}

func (p *plan) mustExist(ctx context.Context, r *catalog.Reader, id telemetry.ProcessID) error {
	found, err := r.Processes(ctx, catalog.Filter{Process: id, Limit: 1})
	if err == nil && len(found) == 0 {
		return unknownInstance(p.scan.Instance)
	}
	return err
}

func unknownInstance(id string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("view_instance: '%s' not found or not accessible", id))
}

// process returns the process that the rows of a materialised view are wanted of, or none.
func (p *plan) process() telemetry.ProcessID {
	f := p.scan.Only.narrow(catalog.Filter{})
	if !p.scan.bare() {
		f.Process, _ = telemetry.ParseProcessID(p.scan.Instance)
	}
	return f.Process
}

func (s Scan) bare() bool { return s.Instance == "" || s.Instance == global }

// table turns a plan into what the engine reads. The files it returns are held, also after an error.
func (l *Lake) table(ctx context.Context, p *plan) (*Table, []*localFile, error) {
	t := &Table{Schema: p.view.schema}
	switch p.view {
	case processes, streams, blocks:
		t.Batches = p.batches
		if p.file != nil {
			t.Files = []string{p.file.path} // held by the snapshot
		}
		return t, nil, nil
	case logStats:
		held, err := l.logStatsTable(ctx, p, t)
		t.Filter = strings.Join(Within(p.scan.Range, "time_bin", "time_bin"), " AND ")
		return t, held, err
	case logEntries, measures:
		// Newest first: what looks for the newest rows finds them at once and then leaves out older parts by their statistics.
		held, leftOut, err := l.pending[catalog.View(p.view.name)].read(ctx, l, p.pending, p.scan.Range, p.process())
		if err != nil {
			return nil, held, err
		}
		p.leftOut = leftOut
		slices.SortFunc(p.partitions, func(a, b catalog.Partition) int { return cmp.Compare(b.MaxTime, a.MaxTime) })
		for i := range p.partitions {
			f, err := l.partition(ctx, &p.partitions[i])
			if isUnusable(err) {
				p.unusable = append(p.unusable, err)
				continue
			}
			if err != nil {
				return nil, held, err
			}
			if f != nil {
				held = append(held, f)
				p.used = append(p.used, usedPartition{p.partitions[i], f, false})
			}
		}
		conditions := Within(p.scan.Range, "time", "time")
		if !p.scan.bare() {
			id, _ := telemetry.ParseProcessID(p.scan.Instance)
			conditions = append(conditions, fmt.Sprintf("process_id = '%s'", id))
		}
		t.set(held, conditions)
		return t, held, nil
	default:
		held, err := l.onDemand(ctx, p, t)
		for _, f := range held {
			if about, ok := f.about.(aboutChunk); ok {
				p.leftOut += about.leftOut
			}
		}
		begin, end := p.view.during()
		t.Filter = strings.Join(Within(p.scan.Range, begin, end), " AND ")
		if p.view == threadSpans {
			t.OrderBy = `"begin", depth, id`
		}
		return t, held, err
	}
}

// TimeColumns returns the columns from which to which a row of a view reaches in time. Of a [Scan] only those rows are wanted
// that meet its range; so a statement's own condition that rows end at a moment or later, or begin by one, can narrow the
// range. They are "" for a view without.
func TimeColumns(name string) (begin, end string) {
	if of, ok := unmerged(name); ok {
		name = of
	}
	for _, v := range allViews {
		if v.name == name {
			return v.during()
		}
	}
	return "", ""
}

// during returns the columns of the begin and end of a row's time.
func (v *view) during() (begin, end string) {
	return cmp.Or(v.begins, v.times), cmp.Or(v.ends, v.times)
}

func (t *Table) set(files []*localFile, conditions []string) {
	t.Files = paths(files)
	t.Filter = strings.Join(conditions, " AND ")
}

// Within returns the conditions, as the engine writes them, that rows from column begin to column end meet the range.
func Within(r telemetry.Range, begin, end string) []string {
	var conditions []string
	if r.Begin != nil {
		conditions = append(conditions, fmt.Sprintf("%s >= TIMESTAMP_NS '%s'", quoted(end), literal(*r.Begin)))
	}
	if r.End != nil {
		conditions = append(conditions, fmt.Sprintf("%s <= TIMESTAMP_NS '%s'", quoted(begin), literal(*r.End)))
	}
	return conditions
}

func quoted(column string) string { return `"` + strings.ReplaceAll(column, `"`, `""`) + `"` }

func literal(t telemetry.Time) string { return t.Std().Format("2006-01-02 15:04:05.000000000") }
