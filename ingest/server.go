package ingest

import (
	"log/slog"
	"net/http"

	"golang.org/x/sync/semaphore"

	"github.com/micromegas-go/micromegas/internal/server/health"
)

// Server is the HTTP face of a [Sink].
type Server struct {
	sink    Sink
	opts    Options
	log     *slog.Logger
	ready   *health.Check
	memory  *semaphore.Weighted // bytes of bodies
	buffers bufferPool
	rejects rejectLog
	count   counters
}

// New returns a server in front of sink.
func New(sink Sink, o Options) *Server {
	o = o.withDefaults()
	log := o.Log.With("component", "ingest")
	ready := health.New(sink.Ready, log)
	ready.Degraded = o.Degraded
	return &Server{
		sink:    sink,
		opts:    o,
		log:     log,
		ready:   ready,
		memory:  semaphore.NewWeighted(o.MaxInFlightBytes),
		rejects: newRejectLog(log),
	}
}

// Handler returns the routes, see the package comment.
func (s *Server) Handler() http.Handler {
	routes := map[string]http.Handler{
		"/health":                   http.HandlerFunc(health.Alive),
		"/ready":                    http.HandlerFunc(s.ready.Ready),
		"/ingestion/insert_process": s.insert(s.insertProcess),
		"/ingestion/insert_stream":  s.insert(s.insertStream),
		"/ingestion/insert_block":   s.insert(s.insertBlock),
	}
	if s.opts.Metadata != nil {
		routes["/.well-known/oauth-protected-resource"] = s.opts.Metadata // RFC 9728 section 3
	}
	// Exact paths, looked up by hand: http.ServeMux would clean and redirect what it does not know.
	return s.observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := routes[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		h.ServeHTTP(w, r)
	}))
}

// insert turns store, which handles the body of one request, into a route.
func (s *Server) insert(store func(*http.Request, *body) error) http.Handler {
	protected := s.opts.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.handle(w, r, store); err != nil {
			s.refuse(w, r, err)
			return
		}
		w.WriteHeader(http.StatusOK)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request, store func(*http.Request, *body) error) error {
	b, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	defer b.release()
	return store(r, b)
}
