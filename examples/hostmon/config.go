package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// config says where to, and how often.
type config struct {
	url    string // of the ingestion server, without slash at the end
	key    string // "" sends no credential
	parent telemetry.ProcessID

	sampleEvery time.Duration
	flushEvery  time.Duration
	drain       time.Duration // how long the end may wait for what is not sent yet
}

// The variables that every instrumented program reads.
const (
	envURL    = "MICROMEGAS_TELEMETRY_URL"
	envKey    = "MICROMEGAS_INGESTION_API_KEY"
	envParent = "MICROMEGAS_TELEMETRY_PARENT_PROCESS"
)

func loadConfig(getenv func(string) string) (config, error) {
	c := config{
		url: strings.TrimRight(getenv(envURL), "/"), key: strings.TrimSpace(getenv(envKey)),
		sampleEvery: time.Second, flushEvery: 2 * time.Second, drain: 5 * time.Second,
	}
	var errs []error
	if c.url == "" {
		errs = append(errs, fmt.Errorf("%s is not set; set it to the ingestion server, for example http://127.0.0.1:9000", envURL))
	} else if u, err := url.Parse(c.url); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, fmt.Errorf("%s must be an http or https URL, for example http://127.0.0.1:9000", envURL))
	}
	if text := getenv(envParent); text != "" {
		id, err := telemetry.ParseProcessID(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", envParent, err))
		}
		c.parent = id
	}
	return c, errors.Join(errs...)
}
