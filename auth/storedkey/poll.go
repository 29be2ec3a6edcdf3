package storedkey

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
)

const (
	// writeUsesEvery is how often the times of use are written (B29).
	writeUsesEvery = time.Minute
	writeTimeout   = 5 * time.Second

	// soon is how long before its end a key is warned about, and how long after (B27); remindEvery how often.
	soon        = 14 * 24 * time.Hour
	remindEvery = 24 * time.Hour
)

// Run asks for changes, writes uses and warns of keys that end soon, until ctx ends. It returns nil.
func (p *Provider) Run(ctx context.Context) error {
	poll, write, remind := time.NewTicker(PollEvery), time.NewTicker(writeUsesEvery), time.NewTicker(remindEvery)
	defer poll.Stop()
	defer write.Stop()
	defer remind.Stop()
	p.Poll(ctx)
	p.remind(ctx)
	for {
		select {
		case <-ctx.Done():
			p.writeUses(context.WithoutCancel(ctx))
			return nil
		case <-poll.C:
			p.Poll(ctx)
		case <-write.C:
			p.writeUses(ctx)
		case <-remind.C:
			p.remind(ctx)
		}
	}
}

// Poll asks for changes now.
func (p *Provider) Poll(ctx context.Context) {
	p.polling.Lock()
	defer p.polling.Unlock()
	p.pollLocked(ctx)
}

func (p *Provider) pollLocked(ctx context.Context) {
	began := p.opts.Now().UnixNano() // what is answered is not older
	p.tried.Store(began)
	p.mu.RLock()
	since := p.revision
	p.mu.RUnlock()
	limited, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	changes, err := p.store.KeysChangedSince(limited, since)
	p.count.polls.Add(1)
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		p.count.pollErrors.Add(1)
		if !p.outage {
			p.outage = true
			p.opts.Log.WarnContext(ctx, "stored API keys are out of reach: those in use stay accepted for a while, others cannot be checked",
				"accepted_for_s", p.opts.MaxStale.Seconds(), "err", err)
		}
		return
	}
	if p.outage {
		p.outage = false
		p.opts.Log.InfoContext(ctx, "stored API keys are in reach again")
	}
	p.apply(since, changes)
	p.polled.Store(began)
}

// apply forgets what changed after a revision.
func (p *Provider) apply(since int64, c Changes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.imported = c.Imported
	if c.Revision == since {
		return
	}
	p.revision = c.Revision
	clear(p.refused)
	if since < 0 || c.Revision < since { // what changed is not known
		for sum, e := range p.accepted {
			p.forgetLocked(sum, e)
		}
		return
	}
	for _, id := range c.Keys {
		if sum, ok := p.sums[id]; ok {
			p.forgetLocked(sum, p.accepted[sum])
		}
	}
}

// writeUses records when keys were used. What cannot be written is tried again the next time.
func (p *Provider) writeUses(ctx context.Context) {
	p.writing.Lock()
	defer p.writing.Unlock()
	used := make(map[uuid.UUID]time.Time)
	pending := make(map[*entry]int64)
	p.mu.Lock()
	unsaved := p.unsaved
	p.unsaved = make(map[uuid.UUID]int64)
	for _, e := range p.accepted {
		if at := e.used.Load(); at > e.written {
			pending[e] = at
			used[e.key.ID] = time.Unix(0, at)
		}
	}
	p.mu.Unlock()
	for id, at := range unsaved {
		if t := time.Unix(0, at); t.After(used[id]) {
			used[id] = t
		}
	}
	if len(used) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := p.store.TouchKeys(limited, used); err != nil {
		p.opts.Log.WarnContext(ctx, "the use of API keys is not recorded yet", "keys", len(used), "err", err)
		p.mu.Lock()
		for id, at := range unsaved {
			p.unsaved[id] = max(p.unsaved[id], at)
		}
		p.mu.Unlock()
		return
	}
	for e, at := range pending {
		e.written = at
	}
}

// remind warns of keys that end soon or ended a short while ago.
func (p *Provider) remind(ctx context.Context) {
	now := p.opts.Now()
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	list, err := p.store.KeysEnding(limited, now.Add(-soon), now.Add(soon))
	if err != nil {
		p.opts.Log.DebugContext(ctx, "keys that end soon are not known", "err", err)
		return
	}
	for _, k := range list {
		attrs := []any{"key_name", auth.Printable(k.Name), "key_id", k.ID, "expires_at", k.Expires}
		if left := k.Expires.Sub(now); left > 0 {
			p.opts.Log.WarnContext(ctx, "stored API key expires soon", append(attrs, "days_left", int(left/(24*time.Hour)))...)
		} else {
			p.opts.Log.WarnContext(ctx, "stored API key has expired and is refused", attrs...)
		}
	}
}
