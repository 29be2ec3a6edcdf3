package sink

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Options of [New]. URL is required; the rest has defaults. [FromEnv] fills them from the environment.
type Options struct {
	// URL is the ingestion server, for example http://127.0.0.1:9000; a path in it is kept.
	URL string

	// SoftBytes: above it the oldest spans are dropped; 0 means 128 MiB.
	SoftBytes int64
	// HardBytes: above it the oldest of everything are dropped; 0 means 256 MiB. At least SoftBytes.
	HardBytes int64
	// MaxAge drops blocks that have waited longer; 0 keeps them for as long as there is room.
	MaxAge time.Duration

	// InFlight is how many requests are under way at once; 0 means 3.
	InFlight int
	// RequestTimeout is for one attempt, the token it may need included; 0 means 10s.
	RequestTimeout time.Duration
	// MetadataRetry is for the records about the process and its streams. They are never given up; Attempts is not used.
	MetadataRetry RetryPolicy
	// BlocksRetry is for blocks.
	BlocksRetry RetryPolicy

	// Decorator makes what puts a credential on each request; nil sends none.
	Decorator DecoratorFactory

	// Spool is a folder for blocks that cannot be sent; "" means none. Several processes may share it.
	Spool string
	// SpoolBytes limits the files in it; 0 means 1 GiB.
	SpoolBytes int64

	// Log gets what operators should know; nil writes warnings to standard error. It must not lead back into this sink.
	Log *slog.Logger

	// Transport sends requests; nil means one of its own, so that instrumenting [http.DefaultTransport] does not
	// instrument telemetry.
	Transport http.RoundTripper
	// UserAgent names the program; "" means the SDK.
	UserAgent string
}

// RetryPolicy says when something that failed is tried again: after First, then twice as long each time up to Max, each
// time at random between half and all of it.
type RetryPolicy struct {
	First time.Duration // 0 means 250ms
	Max   time.Duration // 0 means 30s
	// Attempts is how often a block is tried before it is given up; 0 means for as long as there is room for it.
	Attempts int
}

const (
	mib = 1 << 20

	defaultSoftBytes      = 128 * mib
	defaultHardBytes      = 256 * mib
	defaultSpoolBytes     = 1024 * mib
	defaultInFlight       = 3
	defaultRequestTimeout = 10 * time.Second
	defaultFirstDelay     = 250 * time.Millisecond
	defaultMaxDelay       = 30 * time.Second
	defaultUserAgent      = "micromegas-go-sdk"
)

// withDefaults checks o, and reports everything that is wrong with it at once.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	if err := checkURL(o.URL); err != nil {
		errs = append(errs, fmt.Errorf("the URL of the ingestion server %w", err))
	}
	o.URL = strings.TrimRight(o.URL, "/")
	for _, bound := range []struct {
		name  string
		value int64
	}{
		{"SoftBytes", o.SoftBytes},
		{"HardBytes", o.HardBytes},
		{"SpoolBytes", o.SpoolBytes},
		{"InFlight", int64(o.InFlight)},
		{"MaxAge", int64(o.MaxAge)},
		{"RequestTimeout", int64(o.RequestTimeout)},
	} {
		if bound.value < 0 {
			errs = append(errs, fmt.Errorf("%s is negative", bound.name))
		}
	}
	if o.SoftBytes == 0 {
		o.SoftBytes = defaultSoftBytes
		if o.HardBytes > 0 {
			o.SoftBytes = min(o.SoftBytes, o.HardBytes)
		}
	}
	if o.HardBytes == 0 {
		o.HardBytes = max(defaultHardBytes, o.SoftBytes)
	}
	if o.HardBytes < o.SoftBytes {
		errs = append(errs, fmt.Errorf("the hard limit of the queue (%d bytes) is below the soft one (%d bytes)", o.HardBytes, o.SoftBytes))
	}
	if o.SpoolBytes == 0 {
		o.SpoolBytes = defaultSpoolBytes
	}
	if o.InFlight == 0 {
		o.InFlight = defaultInFlight
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = defaultRequestTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = defaultUserAgent
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	o.MetadataRetry, o.BlocksRetry = o.MetadataRetry.withDefaults(), o.BlocksRetry.withDefaults()
	return o, errors.Join(errs...)
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.First <= 0 {
		p.First = defaultFirstDelay
	}
	if p.Max <= 0 {
		p.Max = defaultMaxDelay
	}
	p.Max = max(p.Max, p.First)
	return p
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("is not set; for example http://127.0.0.1:9000")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("must be an http or https URL, for example http://127.0.0.1:9000")
	case u.User != nil:
		return errors.New("must not hold a password; keys have their own variable, MICROMEGAS_INGESTION_API_KEY")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must end with the path, without ? and #")
	}
	return nil
}
