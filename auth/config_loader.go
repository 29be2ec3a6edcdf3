package auth

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxConfigFile bounds a file of the configuration: ten thousand long keys fit.
const maxConfigFile = 16 << 20

// loader goes through the variables and collects what they say and what is wrong with them.
type loader struct {
	getenv   func(string) string
	cfg      Config
	errs     []error
	warnings []string
}

// text reads a variable; a blank one counts as unset (A15).
func (l *loader) text(variable string, load func(*reader, string, *Config)) {
	if text := l.getenv(variable); strings.TrimSpace(text) != "" {
		l.read(&reader{variable: variable}, text, load)
	}
}

// json reads a variable with JSON, or the file that its twin names (B33).
func (l *loader) json(variable string, load func(*reader, string, *Config)) {
	twin := EnvFile(variable)
	path := strings.TrimSpace(l.getenv(twin))
	if path == "" {
		l.text(variable, load)
		return
	}
	r := &reader{variable: twin, file: path}
	if strings.TrimSpace(l.getenv(variable)) != "" {
		r.errorf("", "and %s are both set; unset one of them", variable)
	}
	l.cfg.Files = append(l.cfg.Files, path)
	text, err := ReadConfigFile(path)
	switch {
	case err != nil:
		r.errorf("", "cannot be read: %w", err)
	case len(strings.TrimSpace(string(text))) == 0:
	default:
		l.read(r, string(text), load)
		return
	}
	l.read(r, "", func(*reader, string, *Config) {})
}

func (l *loader) read(r *reader, text string, load func(*reader, string, *Config)) {
	load(r, text, &l.cfg)
	l.errs = append(l.errs, r.errs...)
	l.warnings = append(l.warnings, r.warnings...)
}

// limits reads the bounds on failures (B25).
func (l *loader) limits() {
	l.cfg.Limits = Limits{FailuresPerSecond: defaultFailuresPerSecond, FailureBurst: defaultFailureBurst}
	l.text(EnvFailureRate, func(r *reader, text string, cfg *Config) {
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(rate >= 0 && rate <= 1e6) {
			r.errorf("", "must be a number from 0, which sets no limit, to 1000000")
			return
		}
		cfg.Limits.FailuresPerSecond = rate
	})
	l.text(EnvFailureBurst, func(r *reader, text string, cfg *Config) {
		burst, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || burst < 1 || burst > 1e6 {
			r.errorf("", "must be an integer from 1 to 1000000")
			return
		}
		cfg.Limits.FailureBurst = burst
	})
}

// loadProxies reads MICROMEGAS_TRUSTED_PROXIES: networks separated by commas or blanks.
func loadProxies(r *reader, text string, cfg *Config) {
	for i, s := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' }) {
		n, ok := ParseNetwork(s)
		if !ok {
			r.errorf("", "entry %d %s", i+1, notNetwork)
			continue
		}
		if n.Bits() == 0 {
			r.warnf("", "entry %d is every address: whoever connects can claim to be anybody else", i+1)
		}
		cfg.Proxies = append(cfg.Proxies, n)
	}
}

// notNetwork says what is wrong with a text that [ParseNetwork] refuses.
const notNetwork = `must be an address or a network such as 10.0.0.0/8, without bits after the prefix`

// ReadConfigFile reads a file of the configuration, which may not be larger than 16 MiB.
func ReadConfigFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxConfigFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxConfigFile)
	}
	return data, nil
}
