package catalog

import (
	"context"
	"database/sql"
	"sync"
)

// prepared keeps the statements of a pool; database/sql prepares each once per connection. A pool of one connection
// cannot prepare while a transaction holds it, so a statement is noted at its first use and prepared before the next
// transaction begins.
type prepared struct {
	db *sql.DB

	mu     sync.Mutex
	byText map[string]*sql.Stmt
	wanted map[string]bool
}

func newPrepared(db *sql.DB) *prepared {
	return &prepared{db: db, byText: make(map[string]*sql.Stmt), wanted: make(map[string]bool)}
}

// on returns the statement bound to tx.
func (p *prepared) on(ctx context.Context, tx *sql.Tx, text string) (*sql.Stmt, error) {
	p.mu.Lock()
	stmt, ok := p.byText[text]
	if !ok {
		p.wanted[text] = true
	}
	p.mu.Unlock()
	if ok {
		return tx.StmtContext(ctx, stmt), nil
	}
	return tx.PrepareContext(ctx, text)
}

// prepareWanted must be called without a transaction of the caller's on the pool.
func (p *prepared) prepareWanted(ctx context.Context) error {
	p.mu.Lock()
	var texts []string
	for text := range p.wanted {
		texts = append(texts, text)
	}
	clear(p.wanted)
	p.mu.Unlock()
	for _, text := range texts {
		stmt, err := p.db.PrepareContext(ctx, text) //nolint:sqlclosecheck // close does
		if err != nil {
			return err
		}
		p.mu.Lock()
		if p.byText[text] == nil {
			p.byText[text], stmt = stmt, nil
		}
		p.mu.Unlock()
		if stmt != nil {
			_ = stmt.Close() // another goroutine was first
		}
	}
	return nil
}

func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, stmt := range p.byText {
		_ = stmt.Close() // closing the pool reports what is wrong
	}
	clear(p.byText)
}
