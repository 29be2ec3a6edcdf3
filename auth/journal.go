package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// refusalEvery is the shortest time between two log lines with the same reason (A84, B42).
const refusalEvery = time.Second

// Journal writes the decisions of a [Chain] to the log: who was let in, and why others were not.
type Journal struct {
	log      *slog.Logger
	accepted slog.Level
	now      func() time.Time

	mu    sync.Mutex
	lines map[string]*line // by reason and caller; the reasons are our constants, so there are few
}

// line is what is known about the log lines of one reason.
type line struct {
	last       time.Time
	suppressed int
}

// NewJournal returns a journal that logs successes at level accepted: Info where every request is a person's query,
// Debug where it is a block of telemetry (A83). A nil log discards, a nil now is time.Now.
func NewJournal(log *slog.Logger, accepted slog.Level, now func() time.Time) *Journal {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if now == nil {
		now = time.Now
	}
	return &Journal{log: log, accepted: accepted, now: now, lines: make(map[string]*line)}
}

// Accepted logs that id was let in for operation, a route or method (A83, A71).
func (j *Journal) Accepted(ctx context.Context, id *Identity, operation, remote string) {
	if !j.log.Enabled(ctx, j.accepted) {
		return
	}
	j.log.LogAttrs(ctx, j.accepted, "authenticated",
		slog.String("operation", Printable(operation)),
		slog.String("remote_addr", remote),
		clientAttr(ctx),
		slog.Any("identity", id))
}

// clientAttr is the client behind the proxies, as [ClientAddr] gives it.
func clientAttr(ctx context.Context) slog.Attr {
	if addr := ClientAddr(ctx); addr.IsValid() {
		return slog.String("client_addr", addr.String())
	}
	return slog.String("client_addr", "unknown")
}

// LogValue implements [slog.LogValuer]: subject, email, issuer, audience and rights, safe to print.
func (id *Identity) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("method", string(id.Method)),
		slog.String("subject", Printable(id.Subject)),
		slog.Bool("admin", id.Admin),
		slog.String("roles", id.Roles.String()),
		slog.String("issuer", Printable(id.Issuer)),
	}
	if id.Method == MethodOIDC {
		attrs = append(attrs,
			slog.String("email", Printable(id.Email)),
			slog.Bool("email_verified", id.EmailVerified),
			slog.String("audience", Printable(id.Audience)))
	}
	return slog.GroupValue(attrs...)
}

// Refused writes the audit line of a call that was answered with err: why, to whom if the caller is known ([From]), and
// where it came from (A84). At most one line a second is written for each reason and known caller; the next one says how
// many were left out.
func (j *Journal) Refused(ctx context.Context, err error, operation, remote string) {
	if fault.KindOf(err) == fault.Canceled {
		return // nobody waits for the answer, and nothing is wrong
	}
	id, known := From(ctx)
	reason, who := reasonOf(err), ""
	if known {
		who = "\n" + id.Issuer + "\n" + id.Subject
	}
	suppressed, ok := j.allow(reason + who)
	if !ok {
		return
	}
	msg, outcome := outcomeOf(err)
	attrs := []slog.Attr{
		slog.String("outcome", outcome),
		slog.String("reason", reason),
		slog.String("operation", Printable(operation)),
		slog.String("remote_addr", remote),
		clientAttr(ctx),
	}
	if known {
		attrs = append(attrs, slog.Any("identity", id))
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		attrs = appendNonEmpty(attrs, "issuer", r.Issuer)
		attrs = appendNonEmpty(attrs, "kid", r.KeyID)
		attrs = appendNonEmpty(attrs, "detail", r.Detail)
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	j.log.LogAttrs(ctx, slog.LevelWarn, msg, attrs...) //nolint:sloglint // one of the constants of outcomeOf
}

// outcomeOf returns message and outcome of the audit line for err.
func outcomeOf(err error) (msg, outcome string) {
	switch fault.KindOf(err) {
	case fault.PermissionDenied:
		return "authorization refused", "denied"
	case fault.Unavailable:
		return "authentication unavailable", "unavailable"
	case fault.Exhausted:
		return "authentication refused", "limited"
	default:
		return "authentication refused", "unauthenticated"
	}
}

func appendNonEmpty(attrs []slog.Attr, key, value string) []slog.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, slog.String(key, Printable(value)))
}

// reasonOf returns the causes of err on one line.
func reasonOf(err error) string {
	if f := fault.Of(err); f != nil && f.Err != nil {
		err = f.Err
	}
	return Printable(strings.ReplaceAll(err.Error(), "\n", "; "))
}

// allow reports whether a line for reason may be written now, and how many were left out before it.
func (j *Journal) allow(reason string) (suppressed int, ok bool) {
	const mostReasons = 1000 // causes of outages hold addresses; keep a broken resolver from growing the table

	now := j.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.lines[reason]
	if l == nil {
		if len(j.lines) >= mostReasons {
			clear(j.lines)
		}
		j.lines[reason] = &line{last: now}
		return 0, true
	}
	if since := now.Sub(l.last); since >= 0 && since < refusalEvery {
		l.suppressed++
		return 0, false
	}
	suppressed = l.suppressed
	l.last, l.suppressed = now, 0
	return suppressed, true
}
