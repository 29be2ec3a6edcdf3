package keyadmin

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authhttp"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/server/requestid"
)

// family is one of the two sets of routes.
type family struct {
	path string
	role auth.Role
}

var (
	ingestion = family{"/api/ingestion-api-keys", auth.RoleWriter}
	analytics = family{"/api/analytics-api-keys", auth.RoleReader}
)

// The fields of bodies.
var (
	createFields = map[auth.Role][]string{
		auth.RoleWriter: {"name", "audience", "allowed_cidrs", "not_before", "expires_at"},
		auth.RoleReader: {"name", "allowed_cidrs", "not_before", "expires_at", "may_delegate"},
	}
	networkFields = []string{"allowed_cidrs"}
)

// Pages of a list.
const (
	defaultLimit = 100
	mostListed   = 500
)

type handler struct {
	keys *Keys
	log  *slog.Logger
}

// Handler returns the routes of the package comment in front of next, which gets every other path. chain says who the
// callers are, through a door with the options given; its role is ours.
func Handler(keys *Keys, chain *auth.Chain, o authhttp.Options, next http.Handler) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{keys: keys, log: o.Log.With("component", "keyadmin")}
	o.Role = 0 // the answer to those who lack it says more, see requireKeyManager
	door := authhttp.New(chain, o)
	families := make(map[string]http.Handler)
	for _, f := range []family{ingestion, analytics} {
		inside := door.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refusal, ok := w.(*refusal); ok {
				w = refusal.ResponseWriter // the door is passed
			}
			h.serve(w, r, f)
		}))
		if chain.Disabled() {
			inside = http.HandlerFunc(disabled)
		}
		families[f.path] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := requestid.New()
			w.Header().Set("X-Request-Id", id)
			inside.ServeHTTP(&refusal{ResponseWriter: w}, r.WithContext(requestid.With(r.Context(), id)))
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, f := range families {
			if rest, ok := strings.CutPrefix(r.URL.Path, path); ok && (rest == "" || rest[0] == '/') {
				f.ServeHTTP(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// disabled answers when authentication is off: everybody would be an administrator, and make keys that outlive the trial.
func disabled(w http.ResponseWriter, _ *http.Request) {
	if refusal, ok := w.(*refusal); ok {
		w = refusal.ResponseWriter
	}
	answer(w, http.StatusServiceUnavailable, errorAnswer{
		"AUTH_DISABLED",
		"authentication is off on this server; API keys are managed on one where it is on, or with the command micromegas keys",
	})
}

// serve answers a request of a caller who is known.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, f family) {
	if err := requireKeyManager(r); err != nil {
		h.refuse(w, r, err)
		return
	}
	route, allow := f.route(h, r.Method, strings.TrimPrefix(r.URL.Path, f.path))
	switch {
	case route != nil:
		if err := route(w, r); err != nil {
			h.refuse(w, r, err)
		}
	case allow != "":
		w.Header().Set("Allow", allow)
		answer(w, http.StatusMethodNotAllowed, errorAnswer{"METHOD_NOT_ALLOWED", "this route takes " + allow})
	default:
		h.refuse(w, r, fault.New(fault.NotFound, "there is no such route"))
	}
}

func requireKeyManager(r *http.Request) error {
	if auth.Require(r.Context(), auth.RoleKeyManager, "") == nil {
		return nil
	}
	return &fault.Error{
		Kind: fault.PermissionDenied, Msg: "managing API keys needs an administrator or the role key-manager",
		Fix: "ask for your email or subject to be added to " + auth.EnvAdmins + ", or for the role in the configuration of your issuer or key",
	}
}

type route func(http.ResponseWriter, *http.Request) error

// route returns the route for a method and the rest of a path, or nil and the methods that there are.
func (f family) route(h *handler, method, rest string) (_ route, allow string) {
	with := func(serve func(family, http.ResponseWriter, *http.Request) error) route {
		return func(w http.ResponseWriter, r *http.Request) error { return serve(f, w, r) }
	}
	var routes map[string]route
	key, action, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case rest == "":
		routes = map[string]route{http.MethodGet: with(h.list), http.MethodPost: with(h.create)}
		allow = "GET, POST"
	case rest == "/import":
		routes = map[string]route{http.MethodPost: with(h.imports)}
		allow = http.MethodPost
	case key != "" && rest == "/"+key:
		routes = map[string]route{http.MethodDelete: func(w http.ResponseWriter, r *http.Request) error { return h.revoke(f, key, w, r) }}
		allow = http.MethodDelete
	case key != "" && action == "allowlist":
		routes = map[string]route{http.MethodPatch: func(w http.ResponseWriter, r *http.Request) error { return h.restrict(f, key, w, r) }}
		allow = http.MethodPatch
	}
	return routes[method], allow
}

func (h *handler) create(f family, w http.ResponseWriter, r *http.Request) error {
	m, err := readBody(w, r, createFields[f.role]...)
	if err != nil {
		return err
	}
	spec, err := f.spec(m)
	if err != nil {
		return err
	}
	key, text, err := h.keys.Mint(r.Context(), spec, caller(r))
	if err != nil {
		return err
	}
	a := f.answer(key)
	a.Key = string(text)
	answer(w, http.StatusCreated, a)
	return nil
}

func (h *handler) imports(f family, w http.ResponseWriter, r *http.Request) error {
	m, err := readBody(w, r, append([]string{"key"}, createFields[f.role]...)...)
	if err != nil {
		return err
	}
	spec, err := f.spec(m)
	if err != nil {
		return err
	}
	var text string
	if err := m.value("key", "a string", &text); err != nil {
		return err
	}
	key, imported, err := h.keys.Import(r.Context(), spec, auth.Secret(text), caller(r))
	if err != nil {
		return err
	}
	if !rolesOf(key).Has(f.role) {
		answer(w, http.StatusConflict, errorAnswer{"CONFLICT", "the key is there already with other roles; a key that does both is made with the command micromegas keys"})
		return nil
	}
	a := f.answer(key)
	a.Imported = &imported
	status := http.StatusOK
	if imported {
		status = http.StatusCreated
	}
	answer(w, status, a)
	return nil
}

func (h *handler) list(f family, w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	limit, offset, revoked := defaultLimit, 0, true
	err := errors.Join(
		number(q.Get("limit"), "limit", 1, &limit),
		number(q.Get("offset"), "offset", 0, &offset),
		boolean(q.Get("include_revoked"), "include_revoked", &revoked),
	)
	if err != nil {
		return err
	}
	list, err := h.keys.List(r.Context(), catalog.KeyFilter{
		Role: roleNames(f.role)[0], Live: !revoked, Limit: min(limit, mostListed), Offset: offset,
	})
	if err != nil {
		return err
	}
	answers := make([]Record, 0, len(list))
	for i := range list {
		answers = append(answers, f.answer(list[i]))
	}
	answer(w, http.StatusOK, answers)
	return nil
}

func (h *handler) revoke(f family, text string, w http.ResponseWriter, r *http.Request) error {
	wait := false
	if err := boolean(r.URL.Query().Get("wait"), "wait", &wait); err != nil {
		return err
	}
	key, err := h.find(f, text, r)
	if err != nil {
		return err
	}
	if key, err = h.keys.Revoke(r.Context(), key.ID, caller(r)); err != nil {
		return err
	}
	if wait {
		select {
		case <-time.After(storedkey.ChangesWithin):
		case <-r.Context().Done():
		}
	}
	answer(w, http.StatusOK, map[string]time.Time{"revoked_at": key.Revoked.Std()})
	return nil
}

func (h *handler) restrict(f family, text string, w http.ResponseWriter, r *http.Request) error {
	key, err := h.find(f, text, r)
	if err != nil {
		return err
	}
	m, err := readBody(w, r, networkFields...)
	if err != nil {
		return err
	}
	networks := key.Networks
	if _, ok := m["allowed_cidrs"]; !ok {
		return fault.New(fault.Invalid, "allowed_cidrs: is missing; an empty array allows every address")
	}
	if err := m.networks("allowed_cidrs", &networks); err != nil {
		return err
	}
	if key, err = h.keys.Restrict(r.Context(), key.ID, networks, caller(r)); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string][]string{"allowed_cidrs": View(key).AllowedCIDR})
	return nil
}

// find returns the key of f whose id is text.
func (h *handler) find(f family, text string, r *http.Request) (catalog.Key, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return catalog.Key{}, fault.New(fault.NotFound, "there is no such key")
	}
	key, err := h.keys.Key(r.Context(), id)
	if err == nil && rolesOf(key)&f.role == 0 {
		err = fault.New(fault.NotFound, "there is no such key")
	}
	return key, err
}

// caller names who asks, for created_by and the audit.
func caller(r *http.Request) string {
	id, _ := auth.From(r.Context())
	switch {
	case id.Method == auth.MethodAPIKey:
		return "key:" + id.Subject
	case id.Email != "" && id.EmailVerified:
		return id.Email
	}
	return id.Subject
}

// number reads an optional number of at least least.
func number(text, name string, least int, v *int) error {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return fault.New(fault.Invalid, fmt.Sprintf("%s: must be a whole number of at least %d", name, least))
	}
	*v = n
	return nil
}

func boolean(text, name string, v *bool) error {
	if text == "" {
		return nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return fault.New(fault.Invalid, name+": must be true or false")
	}
	*v = b
	return nil
}
