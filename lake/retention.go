package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Retention says for how long blocks are kept, by what their streams carry. The zero value keeps everything for ever.
//
// Age counts from the moment a block came into this lake, also when it was copied from another, where it was recorded long
// before: so nothing goes while it is being copied. A block of a stream with several tags is kept as long as the longest of
// their rules says, its rows in a view as long as the rule of the view's tag. A rule takes rows out of a partition when
// all its blocks are too old, or when the oldest has been so for a tenth of the age: partitions need not be rewritten
// every hour, and no row stays longer than a tenth over its time.
type Retention struct {
	ages map[string]time.Duration // by signal
}

// allSignals is the rule for signals that have none.
const allSignals = "*"

// orphanSignal stands for blocks whose stream or process never came.
const orphanSignal = "orphans"

// signalTags are the stream tags of signals.
var signalTags = map[string][]string{
	"logs":       {telemetry.TagLog},
	"metrics":    {telemetry.TagMetrics},
	"spans":      {telemetry.TagCPU, telemetry.TagTrace},
	"net":        {telemetry.TagNet},
	"images":     {telemetry.TagImage},
	orphanSignal: nil,
}

// Signals returns the names that rules may have.
func Signals() []string {
	names := []string{allSignals}
	for name := range signalTags {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// minAge keeps a slip of the pen, such as 30m for 30 months, from deleting what has just arrived.
const minAge = time.Hour

// ParseRetention reads rules such as "logs=30d,metrics=90d,spans=7d,*=365d". It reports all mistakes at once.
func ParseRetention(text string) (Retention, error) {
	r := Retention{ages: map[string]time.Duration{}}
	if strings.TrimSpace(text) == "" {
		return r, nil
	}
	var errs []error
	for i, rule := range strings.Split(text, ",") {
		wrong := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("rule %d, %q: %s", i+1, strings.TrimSpace(rule), fmt.Sprintf(format, args...)))
		}
		name, value, ok := strings.Cut(rule, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok {
			wrong("it must be a signal, =, and an age, such as logs=30d")
			continue
		}
		if _, known := signalTags[name]; !known && name != allSignals {
			wrong("there is no signal %q; signals are %s", name, strings.Join(Signals(), ", "))
		}
		if _, twice := r.ages[name]; twice {
			wrong("%s has a rule already", name)
		}
		age, err := parseAge(value)
		if err != nil {
			wrong("%s", err)
		}
		r.ages[name] = age
	}
	if len(errs) > 0 {
		return Retention{}, errors.Join(errs...)
	}
	return r, nil
}

var ageUnits = map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// parseAge reads a whole number and a unit.
func parseAge(text string) (time.Duration, error) {
	const form = "an age must be a whole number and h, d or w, such as 30d"
	if text == "" {
		return 0, errors.New(form)
	}
	unit, ok := ageUnits[text[len(text)-1]]
	if !ok {
		return 0, fmt.Errorf("%s, not %q", form, text)
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || text[0] == '+' {
		return 0, fmt.Errorf("%s, not %q", form, text)
	}
	if most := 100 * 365 * 24 * time.Hour; n > uint64(most/unit) {
		return 0, fmt.Errorf("%s is more than a hundred years; leave the rule out to keep everything", text)
	}
	if age := time.Duration(n) * unit; age >= minAge {
		return age, nil
	}
	return 0, fmt.Errorf("%s is less than %s", text, minAge)
}

// Empty reports whether everything is kept.
func (r Retention) Empty() bool { return len(r.ages) == 0 }

func (r Retention) String() string {
	var rules []string
	for name, age := range r.ages {
		rules = append(rules, name+"="+formatAge(age))
	}
	slices.Sort(rules)
	return strings.Join(rules, ",")
}

func formatAge(age time.Duration) string {
	if days := age / (24 * time.Hour); days*24*time.Hour == age {
		return strconv.FormatInt(int64(days), 10) + "d"
	}
	return strconv.FormatInt(int64(age/time.Hour), 10) + "h"
}

// age returns the age for a signal; false means for ever.
func (r Retention) age(signal string) (time.Duration, bool) {
	if age, ok := r.ages[signal]; ok {
		return age, true
	}
	age, ok := r.ages[allSignals]
	return age, ok
}

// tagRule is what the rules say of a stream tag.
type tagRule struct {
	signal, tag string
	age         time.Duration
	limited     bool
}

// limits returns before when blocks are too old, and before when they are so by a tenth.
func (t tagRule) limits(now telemetry.Time) (before, longer telemetry.Time) {
	return now - telemetryDuration(t.age), now - telemetryDuration(t.age+t.age/10)
}

// tagRules returns the rule of each tag that a signal has.
func (r Retention) tagRules() []tagRule {
	var rules []tagRule
	for signal, tags := range signalTags {
		age, limited := r.age(signal)
		for _, tag := range tags {
			rules = append(rules, tagRule{signal, tag, age, limited})
		}
	}
	slices.SortFunc(rules, func(a, b tagRule) int { return cmp.Or(cmp.Compare(a.signal, b.signal), cmp.Compare(a.tag, b.tag)) })
	return rules
}

// blockRule deletes blocks.
type blockRule struct {
	what string
	catalog.Doomed
}

// blockRules returns what deletes blocks at a moment. Together they take each block that all rules let go.
func (r Retention) blockRules(now telemetry.Time) []blockRule {
	tags := r.tagRules()
	var rules []blockRule
	var known []string
	for _, t := range tags {
		known = append(known, t.tag)
		if !t.limited {
			continue
		}
		before, longer := t.limits(now)
		d := catalog.Doomed{Tag: t.tag, Older: before, Whole: before, Part: longer}
		for _, other := range tags {
			if !other.limited || other.age > t.age {
				d.Without = append(d.Without, other.tag)
			}
		}
		rules = append(rules, blockRule{fmt.Sprintf("blocks of %s (tag %s) older than %s", t.signal, t.tag, formatAge(t.age)), d})
	}
	if age, ok := r.ages[allSignals]; ok {
		rules = append(rules, blockRule{
			"blocks of other streams older than " + formatAge(age),
			catalog.Doomed{Known: true, Without: known, Older: now - telemetryDuration(age)},
		})
	}
	if age, ok := r.age(orphanSignal); ok {
		rules = append(rules, blockRule{
			"blocks whose stream or process never came, older than " + formatAge(age),
			catalog.Doomed{Orphans: true, Older: now - telemetryDuration(age)},
		})
	}
	return rules
}

// idleBefore returns from when on processes without blocks are kept: a process that has been silent for longer than
// everything is kept is not expected back. False means for ever.
func (r Retention) idleBefore(now telemetry.Time) (telemetry.Time, bool) {
	longest := time.Duration(0)
	for signal := range signalTags {
		age, ok := r.age(signal)
		if !ok {
			return 0, false
		}
		longest = max(longest, age)
	}
	return now - telemetryDuration(max(longest, r.ages[allSignals])), true
}

// RetentionStep is what one rule takes.
type RetentionStep struct {
	What       string
	Blocks     int64 // 0 in steps about rows
	Bytes      int64 // payload
	Oldest     telemetry.Time
	Partitions int64 // removed wholly
	Rewritten  int64 // rows of
	Waiting    int64 // partitions that hold old rows beside young ones, and are not rewritten yet
}

func (s RetentionStep) String() string {
	if s.Partitions+s.Rewritten+s.Waiting > 0 || strings.HasPrefix(s.What, "rows") {
		return fmt.Sprintf("%s: %d partitions wholly, rows of %d; %d wait until more of them is old", s.What, s.Partitions, s.Rewritten, s.Waiting)
	}
	text := fmt.Sprintf("%s: %d blocks with %d bytes of payload", s.What, s.Blocks, s.Bytes)
	if s.Oldest != 0 {
		text += ", the oldest of " + rfc(s.Oldest)
	}
	return text
}

// viewRule is what a rule does with the rows of a view at a moment.
type viewRule struct {
	view           catalog.View
	age            time.Duration
	before, longer telemetry.Time // rows of blocks that came before go, at the latest when the oldest came before longer
}

func (r Retention) viewRules(now telemetry.Time) []viewRule {
	var rules []viewRule
	for _, v := range catalog.Views() {
		for _, t := range r.tagRules() {
			if t.tag == v.Tag() && t.limited {
				before, longer := t.limits(now)
				rules = append(rules, viewRule{v, t.age, before, longer})
			}
		}
	}
	return rules
}

func (r viewRule) what() string {
	return fmt.Sprintf("rows of %s older than %s", r.view, formatAge(r.age))
}

// due returns what to do with a partition.
func (r viewRule) due(p *catalog.PartitionRecord) (whole, due bool) {
	whole = max(p.MaxInsert, p.MaxRecorded) < r.before
	return whole, whole || max(p.MinInsert, p.MinRecorded) < r.longer
}

// PlanRetention tells what the rules would take now.
func (l *Lake) PlanRetention(ctx context.Context, rules Retention) ([]RetentionStep, error) {
	var list []RetentionStep
	now := l.clock()
	err := l.catalog.Read(ctx, func(r *catalog.Reader) error {
		list = nil
		for _, rule := range rules.viewRules(now) {
			step := RetentionStep{What: rule.what()}
			old, err := r.PartitionRecords(ctx, catalog.PartitionFilter{View: rule.view, Older: rule.before})
			if err != nil {
				return err
			}
			for i := range old {
				switch whole, due := rule.due(&old[i]); {
				case whole:
					step.Partitions++
				case due:
					step.Rewritten++
				default:
					step.Waiting++
				}
			}
			list = append(list, step)
		}
		for _, rule := range rules.blockRules(now) {
			counts, err := r.DoomedBlocks(ctx, rule.Doomed)
			if err != nil {
				return err
			}
			list = append(list, RetentionStep{What: rule.what, Blocks: counts.Blocks, Bytes: counts.Bytes, Oldest: counts.Oldest})
		}
		return nil
	})
	return list, readFaultOrNil(ctx, err)
}

// ApplyRetention deletes what the rules take: rows of views, then blocks that no view holds, then processes that have been
// silent for longer than anything is kept. Files and segments go later, when no query can read them any more. Several
// processes may do it at a time.
func (l *Lake) ApplyRetention(ctx context.Context, rules Retention) ([]RetentionStep, error) {
	now := l.clock()
	var list []RetentionStep
	var errs []error
	for _, rule := range rules.viewRules(now) {
		step := RetentionStep{What: rule.what()}
		errs = append(errs, l.dropOld(ctx, rule, &step))
		list = append(list, step)
	}
	if age, ok := rules.age(orphanSignal); ok {
		d := catalog.Doomed{Orphans: true, Older: now - telemetryDuration(age)}
		errs = append(errs, untilFew(1024, func() (int64, error) { return l.catalog.DeleteStaged(ctx, d) }))
		for _, v := range catalog.Views() {
			errs = append(errs, untilFew(1024, func() (int64, error) { return l.catalog.DropPending(ctx, v, d) }))
		}
	}
	for _, rule := range rules.blockRules(now) {
		step := RetentionStep{What: rule.what}
		errs = append(errs, untilFew(1024, func() (int64, error) {
			n, err := l.catalog.DeleteBlocks(ctx, rule.Doomed)
			step.Blocks += n.Blocks
			step.Bytes += n.Bytes
			return n.Blocks, err
		}))
		list = append(list, step)
	}
	if before, ok := rules.idleBefore(now); ok {
		errs = append(errs, untilFew(256, func() (int64, error) {
			processes, streams, err := l.catalog.DeleteIdle(ctx, catalog.Doomed{Older: before})
			return max(processes, streams), err
		}))
	}
	for _, s := range list {
		if s.Blocks+s.Partitions+s.Rewritten > 0 {
			l.log.InfoContext(ctx, "old data was deleted", "rule", s.What, "blocks", s.Blocks, "size_bytes", s.Bytes,
				"partitions_removed", s.Partitions, "partitions_rewritten", s.Rewritten)
		}
	}
	return list, errors.Join(errs...)
}

// dropOld takes old rows out of a view.
func (l *Lake) dropOld(ctx context.Context, rule viewRule, step *RetentionStep) error {
	err := untilFew(1024, func() (int64, error) {
		return l.catalog.DropPending(ctx, rule.view, catalog.Doomed{Older: rule.before})
	})
	if err != nil {
		return err
	}
	var old []catalog.PartitionRecord
	err = l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		old, err = r.PartitionRecords(ctx, catalog.PartitionFilter{View: rule.view, Older: rule.before})
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for i := range old {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		if _, due := rule.due(&old[i]); !due {
			step.Waiting++
			continue
		}
		n, all, err := l.drop(ctx, &old[i].Partition, older(rule.before), false)
		switch {
		case errors.Is(err, catalog.ErrLostClaim), errors.Is(err, catalog.ErrNotFound): // being merged: next time
			step.Waiting++
		case err != nil: // say a broken file; it must not keep the others
			errs = append(errs, fmt.Errorf("partition %s: %w", old[i].File, err))
		case all:
			step.Partitions++
		case n > 0:
			step.Rewritten++
		}
	}
	return errors.Join(errs...)
}

// retain applies the rules of this lake.
func (l *Lake) retain(ctx context.Context) error {
	_, err := l.ApplyRetention(ctx, l.maintain.Retention)
	return err
}

// older chooses the blocks of a partition that came before a moment.
func older(than telemetry.Time) chooser {
	return func(ctx context.Context, r *catalog.Reader, p *catalog.Partition) ([]telemetry.BlockID, bool, error) {
		list, err := r.OldMembers(ctx, p.ID, than)
		return list, int64(len(list)) == p.Blocks && len(list) > 0, err
	}
}
