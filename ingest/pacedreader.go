package ingest

import (
	"io"
	"net/http"
	"time"
)

// pacedReader reads a request's body from the network, up to limit bytes, and moves the connection's read deadline
// along with what arrives: [minBodyRate] on average, after a grace.
type pacedReader struct {
	src   io.Reader
	conn  *http.ResponseController
	limit int64
	n     int64 // bytes read

	start    time.Time
	grace    time.Duration
	deadline time.Time // as set
}

func newPacedReader(w http.ResponseWriter, r *http.Request, grace time.Duration) *pacedReader {
	p := &pacedReader{src: r.Body, conn: http.NewResponseController(w), start: time.Now(), grace: grace}
	p.advance()
	return p
}

func (p *pacedReader) Read(dst []byte) (int, error) {
	p.advance()
	n, err := p.src.Read(dst)
	p.n += int64(n)
	if p.n > p.limit {
		return n, errTooLong
	}
	return n, err
}

// advance moves the deadline. On HTTP/2 that is a message to the connection's loop, so small steps are left out.
func (p *pacedReader) advance() {
	earned := time.Duration(float64(p.n) / minBodyRate * float64(time.Second))
	if d := p.start.Add(p.grace + earned); d.Sub(p.deadline) > p.grace/16 {
		p.deadline = d
		_ = p.conn.SetReadDeadline(d) // not every ResponseWriter has one; then the server's own limits apply
	}
}

// finish lifts the deadline after the body's end: net/http goes on reading the connection to notice a client that
// leaves, and would take the deadline for that.
func (p *pacedReader) finish() { _ = p.conn.SetReadDeadline(time.Time{}) }
