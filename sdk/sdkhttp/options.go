package sdkhttp

import (
	"net/http"
	"strings"
	"sync"

	"github.com/micromegas-go/micromegas/sdk"
)

// Options of [Handler] and [Transport]. The zero value works.
type Options struct {
	// Recorder records; nil means the default one at the time of each request.
	Recorder *sdk.Recorder
	// Name names the span of a request. It must return few different names; nil means what the package comment says.
	Name func(*http.Request) string
}

func (o Options) recorder() *sdk.Recorder {
	if o.Recorder != nil {
		return o.Recorder
	}
	return sdk.Default()
}

// descriptions of spans by name. Declared once, they are kept for the life of the process, so there is a limit.
type descriptions struct {
	target string

	mu     sync.RWMutex
	byName map[string]*sdk.SpanDesc
	other  *sdk.SpanDesc
}

const maxNames = 4096

func newDescriptions(target string) *descriptions {
	return &descriptions{
		target: target, byName: map[string]*sdk.SpanDesc{}, other: sdk.Span("HTTP", sdk.InTarget(target)),
	}
}

func (d *descriptions) get(name string) *sdk.SpanDesc {
	d.mu.RLock()
	desc := d.byName[name]
	d.mu.RUnlock()
	if desc != nil {
		return desc
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if desc := d.byName[name]; desc != nil {
		return desc
	}
	if len(d.byName) >= maxNames {
		return d.other
	}
	desc = sdk.Span(name, sdk.InTarget(d.target))
	d.byName[name] = desc
	return desc
}

// nameOf is the name of a request's span.
func (o Options) nameOf(r *http.Request) string {
	method := methodOf(r)
	switch {
	case o.Name != nil:
		return o.Name(r)
	case r.Pattern != "" && strings.Contains(r.Pattern, " "):
		return r.Pattern
	case r.Pattern != "":
		return method + " " + r.Pattern
	default:
		return "HTTP " + method
	}
}

// methodOf is the method, if it is one of those that are known: clients may send any word.
func methodOf(r *http.Request) string {
	switch r.Method {
	case "":
		return http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	default:
		return "other"
	}
}
