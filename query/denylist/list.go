package denylist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Store keeps the rules; the catalog is one.
type Store interface {
	Denials(ctx context.Context) ([]catalog.Denial, error)
	// CreateDenial fails with catalog.ErrTooMany when there are limit rules already.
	CreateDenial(ctx context.Context, d catalog.Denial, limit int) (catalog.Denial, error)
	// DeleteDenials removes all of the rules, or none and returns those that are not there.
	DeleteDenials(ctx context.Context, rules []catalog.DenialID) (missing []catalog.DenialID, err error)
	TouchDenials(ctx context.Context, hits map[catalog.DenialID]telemetry.Time) error
}

// Options of a list; the zero value works.
type Options struct {
	MaxRules int           // 0 means 100
	Refresh  time.Duration // how often the rules are read; 0 means 10 s
	Now      func() time.Time
	Log      *slog.Logger
}

// List refuses queries.
type List struct {
	store      Store
	o          Options
	refreshing chan struct{} // capacity 1: one at a time reads the store and sets rules, so that they never go back
	rules      atomic.Pointer[[]rule]

	// denied counts refusals since the start, by rule.
	mu     sync.Mutex
	denied map[catalog.DenialID]int64
	hits   map[catalog.DenialID]telemetry.Time // not recorded yet
}

type rule struct {
	catalog.Denial
	*Expression
}

// New returns a list that is empty until [List.Refresh] was called.
func New(s Store, o Options) *List {
	if o.MaxRules == 0 {
		o.MaxRules = 100
	}
	if o.Refresh == 0 {
		o.Refresh = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &List{store: s, o: o, refreshing: make(chan struct{}, 1), denied: map[catalog.DenialID]int64{}, hits: map[catalog.DenialID]telemetry.Time{}}
	l.rules.Store(new([]rule))
	return l
}

// Run reads the rules again and again until ctx ends.
func (l *List) Run(ctx context.Context) error {
	tick := time.NewTicker(l.o.Refresh)
	defer tick.Stop()
	for {
		if err := l.Refresh(ctx); err != nil && ctx.Err() == nil {
			l.o.Log.WarnContext(ctx, "the deny list cannot be read; the rules of before stay", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Refresh reads the rules, and records which have refused queries since the last time.
func (l *List) Refresh(ctx context.Context) error {
	select {
	case l.refreshing <- struct{}{}:
		defer func() { <-l.refreshing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	found, err := l.store.Denials(ctx)
	if err != nil {
		return err
	}
	known := map[catalog.DenialID]bool{}
	for _, r := range *l.rules.Load() {
		known[r.ID] = true
	}
	rules := make([]rule, 0, len(found))
	for _, d := range found { // oldest first
		e, err := Compile(d.Match)
		if err != nil {
			if !known[d.ID] {
				l.o.Log.WarnContext(ctx, "a rule of the deny list is left out: this release does not understand it", "rule_id", d.ID, "err", err)
			}
			continue
		}
		rules = append(rules, rule{d, e})
	}
	l.rules.Store(&rules)

	l.mu.Lock()
	hits := maps.Clone(l.hits)
	clear(l.hits)
	l.mu.Unlock()
	if err := l.store.TouchDenials(ctx, hits); err != nil {
		l.mu.Lock()
		for id, at := range hits {
			l.hits[id] = max(l.hits[id], at)
		}
		l.mu.Unlock()
		return err
	}
	return nil
}

// DeniedError is the error of a query that a rule refuses.
type DeniedError struct {
	Rule  catalog.DenialID
	fault *fault.Error
}

func (d *DeniedError) Error() string { return d.fault.Error() }
func (d *DeniedError) Unwrap() error { return d.fault }

// ownFunctions are those with which administrators get rid of rules.
var ownFunctions = regexp.MustCompile(`(?i)\b(deny_queries|list_query_denials|remove_query_denial)\b`)

// Check refuses r when a rule matches: the oldest that does. queryID is for the message. Administrators' statements that
// name a function of the list are never refused.
func (l *List) Check(ctx context.Context, r *Request, queryID string) error {
	rules := *l.rules.Load()
	if len(rules) == 0 {
		return nil
	}
	for i := range rules {
		d := &rules[i]
		if !d.Matches(r) {
			continue
		}
		if id, ok := auth.From(ctx); ok && id.Admin && ownFunctions.MatchString(r.SQL) {
			return nil
		}
		l.mu.Lock()
		l.denied[d.ID]++
		total := l.denied[d.ID]
		l.hits[d.ID] = telemetry.TimeOf(l.o.Now())
		l.mu.Unlock()
		l.o.Log.WarnContext(ctx, "query denied", "rule_id", d.ID, "reason", d.Reason, "query_id", queryID, "user", auth.Printable(r.UserID),
			"query_denied", total)
		return &DeniedError{d.ID, fault.New(fault.Exhausted, fmt.Sprintf(
			"query denied by rule %s (reason: %s); ask an admin to lift it with remove_query_denial('%s'); query_id=%s",
			d.ID, d.Reason, d.ID, queryID))}
	}
	return nil
}

// Counts returns how many queries each rule has refused since the start.
func (l *List) Counts() map[catalog.DenialID]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.denied)
}

// Create makes a rule, which holds here at once.
func (l *List) Create(ctx context.Context, by, match, reason string) (catalog.Denial, error) {
	if _, err := Compile(match); err != nil {
		return catalog.Denial{}, fault.New(fault.Invalid, "the expression does not work: "+err.Error())
	}
	if strings.TrimSpace(reason) == "" {
		return catalog.Denial{}, fault.New(fault.Invalid, "a reason is needed: whoever is refused reads it")
	}
	d, err := l.store.CreateDenial(ctx, catalog.Denial{CreatedBy: by, Match: match, Reason: reason}, l.o.MaxRules)
	if errors.Is(err, catalog.ErrTooMany) {
		return d, &fault.Error{
			Kind: fault.Invalid, Msg: fmt.Sprintf("there are %d rules already", l.o.MaxRules),
			Fix: "remove one with remove_query_denial, or raise MICROMEGAS_QUERY_DENY_MAX_RULES",
		}
	}
	if err != nil {
		return d, storeFault(err)
	}
	l.refreshed(ctx)
	return d, nil
}

// Remove removes all of the rules, or none and returns those that are not there.
func (l *List) Remove(ctx context.Context, rules []catalog.DenialID) (missing []catalog.DenialID, err error) {
	missing, err = l.store.DeleteDenials(ctx, rules)
	if err != nil {
		return nil, storeFault(err)
	}
	l.refreshed(ctx)
	return missing, nil
}

// All returns the rules as they are recorded.
func (l *List) All(ctx context.Context) ([]catalog.Denial, error) {
	if err := l.Refresh(ctx); err != nil {
		return nil, storeFault(err)
	}
	found, err := l.store.Denials(ctx)
	return found, storeFault(err)
}

// refreshed makes a change hold here. That it is recorded already counts more than an error of reading it back.
func (l *List) refreshed(ctx context.Context) {
	if err := l.Refresh(ctx); err != nil {
		l.o.Log.WarnContext(ctx, "the deny list cannot be read after a change; it holds here later", "err", err)
	}
}

func storeFault(err error) error {
	switch {
	case err == nil || fault.Of(err) != nil:
		return err
	case errors.Is(err, catalog.ErrUnavailable):
		return fault.Wrap(fault.Unavailable, "the catalog does not answer now", err)
	}
	return fault.Wrap(fault.Internal, "the deny list failed", err)
}
