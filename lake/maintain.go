package lake

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Maintenance says when blocks are put into partitions, and partitions into larger ones. Nothing of it is needed for
// correct answers: a lake without maintenance is only slower to read.
type Maintenance struct {
	Every time.Duration // between looks; 0 means 1 s

	// A view is materialised when so many bytes of payload wait, or the oldest block waits so long.
	PendingBytes int64         // 0 means 8 MiB
	PendingAge   time.Duration // 0 means 5 s

	MergeFiles int   // so many partitions of a level make one of the next; 0 means 8
	FileBytes  int64 // no larger ones are made, and one of half this size stays as it is; 0 means 128 MiB

	Lease           time.Duration // how long claimed work may take; 0 means 5 min
	QuarantineAfter int           // failed attempts on a block; 0 means 3
	// RetryAfter is the pause after the first failed attempt on a block or partition; each further one doubles it. 0 means
	// 10 s, less than 0 none.
	RetryAfter time.Duration
	// KeepRetired is how long the files of merged partitions stay: longer than the longest query. 0 means 30 min.
	KeepRetired time.Duration
	// KeepBroken is how long broken files stay, for whoever wants to know what happened to them. 0 means 7 days.
	KeepBroken time.Duration
	// KeepOrphans is how long objects that no record mentions stay: longer than the longest write. 0 means 6 h.
	KeepOrphans time.Duration
	// Retention says what is deleted because of its age. The zero value keeps everything.
	Retention Retention

	renewEvery time.Duration // how often claims are renewed: several times within a lease
}

func (m Maintenance) withDefaults() Maintenance {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&m.Every, time.Second)
	set(&m.PendingAge, 5*time.Second)
	set(&m.Lease, 5*time.Minute)
	set(&m.RetryAfter, 10*time.Second)
	set(&m.KeepRetired, 30*time.Minute)
	set(&m.KeepBroken, 7*24*time.Hour)
	set(&m.KeepOrphans, 6*time.Hour)
	set(&m.renewEvery, m.Lease/4)
	if m.PendingBytes == 0 {
		m.PendingBytes = 8 << 20
	}
	if m.MergeFiles == 0 {
		m.MergeFiles = 8
	}
	if m.FileBytes == 0 {
		m.FileBytes = 128 << 20
	}
	if m.QuarantineAfter == 0 {
		m.QuarantineAfter = 3
	}
	return m
}

// chore is a part of maintenance. Where there is nothing to do it writes nothing.
type chore struct {
	name   string
	period time.Duration
	work   func(context.Context) error
}

func (l *Lake) chores() []chore {
	return []chore{
		{"materialise", l.maintain.Every, l.materialiseDue},
		{"merge", 2 * l.maintain.Every, l.mergeAll},
		{"upgrade", time.Minute, l.upgradeAll},
		{"remove retired files", time.Minute, l.removeRetired},
		{"remove deleted blocks", time.Minute, l.removeWaste},
		{"remove orphans", time.Hour, l.removeOrphans},
		{"resolve blocks", 10 * time.Minute, l.catalog.Resolve},
		{"measure partitions", time.Minute, l.measure},
	}
}

// Run materialises, merges and cleans up until ctx ends. Any number of processes may run it on one lake.
func (l *Lake) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, c := range l.chores() {
		g.Go(func() error { return l.every(ctx, c.period, c.name, c.work) })
	}
	if !l.maintain.Retention.Empty() {
		g.Go(func() error { return l.soonAndEvery(ctx, time.Hour, "delete what is old", l.retain) })
	}
	return g.Wait()
}

// longestPause is how long maintenance that keeps failing waits at most between attempts, unless its period is longer.
const longestPause = time.Minute

// every calls work until ctx ends. A failure is logged and tried again, after pauses that grow while it keeps failing: a store
// that is out of reach is neither flooded with requests nor the log with their failures.
func (l *Lake) every(ctx context.Context, period time.Duration, what string, work func(context.Context) error) error {
	pause := period
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for failures := 0; ; timer.Reset(pause) {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		err := work(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			failures++
			pause = max(period, min(2*pause, longestPause))
			l.log.ErrorContext(ctx, "maintenance failed", "work", what, "failures", failures, "again_after_ms", pause.Milliseconds(), "err", err)
		case failures > 0:
			l.log.InfoContext(ctx, "maintenance works again", "work", what, "failures", failures)
			failures, pause = 0, period
		}
	}
}

// retryAfter is the pause after failed attempts.
func (m Maintenance) retryAfter(attempts int) time.Duration {
	const most = 10 * time.Minute
	if m.RetryAfter < 0 {
		return 0
	}
	pause := m.RetryAfter
	for i := 1; i < attempts && pause < most; i++ {
		pause *= 2
	}
	return min(pause, max(most, m.RetryAfter))
}

// soonAndEvery is every, but the first call comes after a minute: servers that restart often do it all the same.
func (l *Lake) soonAndEvery(ctx context.Context, period time.Duration, what string, work func(context.Context) error) error {
	soon, cancel := context.WithCancel(ctx)
	defer cancel()
	err := l.every(soon, min(period, time.Minute), what, func(context.Context) error {
		cancel()
		return work(ctx)
	})
	if err != nil {
		return err
	}
	return l.every(ctx, period, what, work)
}

// giveWay pauses maintenance for twice as long as it has just worked, when blocks are arriving: taking them in goes first,
// and what waits is in every answer all the same.
func (l *Lake) giveWay(ctx context.Context, worked time.Duration) {
	if time.Since(l.committer.lastAnswer()) > time.Second {
		return
	}
	pause := time.NewTimer(min(2*worked, 10*time.Second))
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-pause.C:
	}
}

// Settle does all the maintenance that is to be done now, whatever its age: blocks into partitions, then merging.
func (l *Lake) Settle(ctx context.Context) error {
	var errs []error
	for _, v := range catalog.Views() {
		for {
			done, err := l.materialise(ctx, v)
			errs = append(append(errs, done.unread...), err)
			if done.last() || err != nil {
				break
			}
		}
	}
	return errors.Join(append(errs, l.upgradeAll(ctx), l.mergeAll(ctx))...)
}

// Tidy does all the cleaning up that is to be done now: files of retired partitions and segments of deleted blocks that no
// query can read any more.
func (l *Lake) Tidy(ctx context.Context) error {
	return errors.Join(l.removeRetired(ctx), l.removeWaste(ctx))
}

// measure records what an older program did not of partitions, a few in a transaction.
func (l *Lake) measure(ctx context.Context) error {
	var any bool
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		any, err = r.AnyUnmeasured(ctx)
		return err
	})
	for n := 1; err == nil && any && n > 0 && ctx.Err() == nil; {
		n, err = l.catalog.MeasurePartitions(ctx, 16)
	}
	return err
}

// removeRetired deletes the files of partitions that were merged, or set aside, long enough ago.
func (l *Lake) removeRetired(ctx context.Context) error {
	return errors.Join(
		l.removeFiles(ctx, l.maintain.KeepRetired, l.catalog.Retired),
		l.removeFiles(ctx, l.maintain.KeepBroken, l.catalog.SetAside),
	)
}

func (l *Lake) removeFiles(ctx context.Context, keep time.Duration,
	list func(context.Context, telemetry.Time, int) ([]catalog.Partition, error),
) error {
	before := l.clock() - telemetryDuration(keep)
	for {
		retired, err := list(ctx, before, 256)
		if err != nil || len(retired) == 0 {
			return err
		}
		ids := make([]catalog.PartitionID, 0, len(retired))
		for _, p := range retired {
			if p.File != "" {
				if err := l.deleteFile(ctx, p.File); err != nil {
					return err
				}
			}
			ids = append(ids, p.ID)
		}
		if err := l.catalog.Forget(ctx, ids); err != nil {
			return err
		}
	}
}

// removeOrphans deletes objects that no record mentions: segments and files whose transaction never took effect.
func (l *Lake) removeOrphans(ctx context.Context) error {
	return errors.Join(
		l.forgetStaged(ctx),
		l.removeUnused(ctx, segmentPrefix, l.catalog.SegmentsInUse),
		l.removeUnused(ctx, viewPrefix, l.viewFilesInUse),
		l.removeUnused(ctx, objstore.ProbePrefix, func(context.Context, []string) (map[string]bool, error) { return nil, nil }),
	)
}

func (l *Lake) removeUnused(ctx context.Context, prefix string, inUse func(context.Context, []string) (map[string]bool, error)) error {
	before := l.now().Add(-l.maintain.KeepOrphans)
	var old []string
	flush := func() error {
		used, err := inUse(ctx, old)
		if err != nil {
			return err
		}
		for _, key := range old {
			if used[key] {
				continue
			}
			l.log.InfoContext(ctx, "removing an object that no record mentions", "key", key)
			if err := l.objects.Delete(ctx, key); err != nil {
				return err
			}
		}
		old = old[:0]
		return nil
	}
	for info, err := range l.objects.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if info.Modified.Before(before) {
			old = append(old, info.Key)
		}
		if len(old) == 500 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(old) == 0 {
		return nil
	}
	return flush()
}
