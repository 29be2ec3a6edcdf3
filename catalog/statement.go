package catalog

import (
	"embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed sql/*.sql
var statements embed.FS

// query is a statement of sql/ with its values. The files are SQLite's SQL with four additions:
//
//	{…}              is repeated n times, separated by commas: IN ({?}), VALUES {(?, ?)}
//	--if name: …     the rest of the line is part of the statement when an option of that name is given
//	--pg: …          the rest of the line is part of the statement on PostgreSQL
//	?                becomes $1, $2, … on PostgreSQL
//
// Values are bound in the order of the text: args, then those of the options, which are given in the order of the file.
type query struct {
	name    string // of the file, without .sql
	n       int
	args    []any
	options []option
}

// option switches on the lines "--if name:".
type option struct {
	name string
	args []any
}

func (q query) values() []any {
	if len(q.options) == 0 {
		return q.args
	}
	values := append([]any(nil), q.args...)
	for _, o := range q.options {
		values = append(values, o.args...)
	}
	return values
}

// key identifies the text of q.
func (q query) key() string {
	if q.n == 0 && len(q.options) == 0 {
		return q.name
	}
	var b strings.Builder
	b.WriteString(q.name)
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(q.n))
	for _, o := range q.options {
		b.WriteByte(' ')
		b.WriteString(o.name)
	}
	return b.String()
}

// texts remembers what statements became. The zero value is ready.
type texts struct {
	mu    sync.RWMutex
	byKey map[string]string
}

// text returns the SQL of q in the dialect d.
func (t *texts) text(d *dialect, q query) string {
	key := q.key()
	t.mu.RLock()
	text, ok := t.byKey[key]
	t.mu.RUnlock()
	if ok {
		return text
	}
	text = render(d, q)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byKey == nil {
		t.byKey = make(map[string]string)
	}
	t.byKey[key] = text
	return text
}

func render(d *dialect, q query) string {
	source, err := statements.ReadFile("sql/" + q.name + ".sql")
	if err != nil {
		panic("catalog: no statement " + q.name)
	}
	for _, o := range q.options {
		if !strings.Contains(string(source), "\n--if "+o.name+": ") {
			panic("catalog: statement " + q.name + " has no option " + o.name)
		}
	}
	return placeholders(d, repeat(selectLines(d, string(source), q.options), q.n))
}

// selectLines drops comments and the lines that do not apply.
func selectLines(d *dialect, source string, options []option) string {
	var lines []string
	for line := range strings.Lines(source) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "--pg: "):
			if d.rowLocks {
				lines = append(lines, line[len("--pg: "):])
			}
		case strings.HasPrefix(line, "--if "):
			name, rest, _ := strings.Cut(line[len("--if "):], ": ")
			for _, o := range options {
				if o.name == name {
					lines = append(lines, rest)
				}
			}
		case strings.HasPrefix(line, "--"):
		default:
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func repeat(text string, n int) string {
	before, rest, ok := strings.Cut(text, "{")
	if !ok {
		return text
	}
	group, after, _ := strings.Cut(rest, "}")
	return before + strings.TrimSuffix(strings.Repeat(group+", ", n), ", ") + after
}

func placeholders(d *dialect, text string) string {
	if !d.numbered {
		return text
	}
	var b strings.Builder
	n := 0
	for i := range len(text) {
		if text[i] != '?' {
			b.WriteByte(text[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}
