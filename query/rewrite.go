package query

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// The names under which existing statements may qualify tables.
const (
	catalogName = "datafusion"
	schemaName  = "public"
)

// instance is a view_instance('set', 'id') of a statement.
type instance struct {
	set, id string
	pos     int // of the first mention in the user's text
}

// relation is the name by which the rewritten statement knows the instance. It reads like what the user wrote, because
// the engine's messages repeat it.
func (i instance) relation() string {
	return lower(fmt.Sprintf("view_instance('%s', '%s')", i.set, i.id))
}

// rewriter turns existing SQL, which is DataFusion's dialect, into the engine's. It works on tokens; every rule is one
// method that looks at token i and its neighbours.
type rewriter struct {
	*statement
	edits     []edit
	instances map[string]instance    // by relation name
	closing   []int                  // for each opening parenthesis the token that closes it, else 0
	openers   []int                  // for each closing parenthesis the token that opens it, else -1
	opening   []int                  // for each token the innermost parenthesis around it, or -1
	cases     []int                  // for each token how many CASE are open before it
	clauses   []string               // for each token the word that began its clause
	done      map[int]bool           // tokens that a rule for an earlier one has dealt with
	typed     map[int]arrow.DataType // by the position of a cast, the type that it was written for
	hints     *hints
	casts     map[string]string // by the name of a parameter, the type that it is cast to
	unnamed   int               // how many ? there were

	numbered      []string // parameters as the engine numbers them, by the caller's names
	constantNames []string // parameters that stand where a constant must
	open          bool     // one of them has no value

	columns   map[string]bool // names of functions: whether the statement uses them for a column; see seriesColumn
	functions map[string]*TableFunction
	calls     map[string]*plannedCall // by relation name
	now       time.Time               // what now() is in a constant argument
}

// rewrite returns the statement in the engine's dialect. The rewriter knows the view instances and the calls of table
// functions that it names. casts and functions may be nil.
func rewrite(s *statement, known *hints, casts map[string]string, functions map[string]*TableFunction) (rewritten, *rewriter, error) {
	r := &rewriter{
		statement: s, instances: map[string]instance{}, hints: known, casts: casts, typed: map[int]arrow.DataType{}, done: map[int]bool{},
		functions: functions, calls: map[string]*plannedCall{}, now: time.Now(),
	}
	r.match()
	r.findClauses()
	if begin := s.tokens[0].pos; s.kind == kindExplain || s.kind == kindAnalyze {
		r.edits = append(r.edits, edit{pos: 0, end: begin})
	}
	if end := s.tokens[len(s.tokens)-1].end; strings.Contains(s.sql[end:], ";") {
		r.edits = append(r.edits, edit{pos: end, end: len(s.sql), rank: rankReplace})
	}
	for i := 0; i < len(s.tokens); i++ {
		next, err := r.token(i)
		if err != nil {
			return rewritten{}, nil, err
		}
		i = next
	}
	return apply(s.sql, r.edits), r, nil
}

// match finds the parentheses that belong together and the open CASE of every token.
func (r *rewriter) match() {
	n := len(r.tokens)
	r.closing, r.openers, r.opening, r.cases = make([]int, n), make([]int, n), make([]int, n), make([]int, n)
	var open []int
	depth := 0
	for i := range r.tokens {
		r.openers[i], r.opening[i] = -1, -1
		if len(open) > 0 {
			r.opening[i] = open[len(open)-1]
		}
		r.cases[i] = depth
		switch {
		case r.is(i, "("), r.is(i, "["), r.is(i, "{"):
			open = append(open, i)
		case (r.is(i, ")") || r.is(i, "]") || r.is(i, "}")) && len(open) > 0:
			r.closing[open[len(open)-1]] = i
			r.openers[i] = open[len(open)-1]
			open = open[:len(open)-1]
			r.opening[i] = -1
			if len(open) > 0 {
				r.opening[i] = open[len(open)-1]
			}
		case r.word(i) == "case" && !r.is(i-1, "."):
			depth++
		case r.word(i) == "end" && depth > 0 && !r.opensOperand(i-1):
			depth--
		}
	}
}

// replace replaces tokens i to j, both included.
func (r *rewriter) replace(i, j int, text string) {
	r.edits = append(r.edits, edit{pos: r.tokens[i].pos, end: r.tokens[j].end, text: text, rank: rankReplace})
}

// before inserts text in front of token i, after behind it.
func (r *rewriter) before(i int, text string) {
	r.edits = append(r.edits, edit{pos: r.tokens[i].pos, end: r.tokens[i].pos, text: text, rank: rankBefore})
}

// around inserts text in front of token i for the sake of what follows behind the operand that begins there.
func (r *rewriter) around(i int, text string) {
	r.edits = append(r.edits, edit{pos: r.tokens[i].pos, end: r.tokens[i].pos, text: text, rank: rankAround})
}

func (r *rewriter) after(i int, text string) {
	r.edits = append(r.edits, edit{pos: r.tokens[i].end, end: r.tokens[i].end, text: text, rank: rankBehind})
}

// call reports whether token i is followed by parentheses that are closed, and returns where.
func (r *rewriter) call(i int) (closing int, ok bool) {
	if !r.is(i+1, "(") || r.is(i-1, ".") {
		return 0, false
	}
	return r.closing[i+1], r.closing[i+1] > 0
}

// token applies the rules to token i and returns the last token that was dealt with.
func (r *rewriter) token(i int) (int, error) {
	if r.done[i] {
		return i, nil
	}
	switch r.tokens[i].kind {
	case tokenWord:
		return r.rewriteWord(i)
	case tokenQuoted:
		if next, ok := r.qualified(i); ok {
			return next, nil
		}
		if name, _ := r.name(i); strings.HasPrefix(renamed[lower(name)], "bounded_") {
			if _, ok := r.call(i); ok {
				r.replace(i, i, renamed[lower(name)])
			}
		}
	case tokenNumber:
		r.number(i)
	case tokenSymbol:
		if next, err := r.symbol(i); next != i || err != nil {
			return next, err
		}
		return r.parameter(i), nil
	case tokenText:
		r.bytes(i)
	default:
	}
	return i, nil
}

func (r *rewriter) rewriteWord(i int) (int, error) {
	word := r.word(i)
	if next, ok := r.qualified(i); ok {
		return next, nil
	}
	switch word {
	case "view_instance":
		return r.viewInstance(i)
	case "end":
		if r.opensOperand(i-1) || r.cases[i] == 0 && !r.is(i-1, ".") && r.word(i-1) != "as" {
			r.replace(i, i, `"end"`)
			return i, nil
		}
	case "like", "ilike":
		if text, ok := r.literal(i + 1); ok && strings.Contains(text, `\`) && r.word(i+2) != "escape" {
			r.after(i+1, ` ESCAPE '\'`)
		}
	case "varchar", "text", "string", "char":
		r.timeText(i)
	case "ignore", "respect":
		r.nullTreatment(i)
	case "interval":
		if last := r.nanoseconds(i); last > i {
			return last, nil
		}
		r.span(i)
	case "values":
		r.values(i)
	case "except":
		if r.is(i-1, "*") && r.is(i+1, "(") {
			r.replace(i, i, "exclude")
			return i, nil
		}
	case "left":
		if w := r.word(i + 1); (w == "semi" || w == "anti") && r.word(i+2) == "join" {
			r.replace(i, i, "")
			return i, nil
		}
	case "desc":
		r.descending(i)
	case "current_timestamp":
		if !r.is(i+1, "(") && !r.is(i-1, ".") && r.word(i-1) != "as" {
			r.replace(i, i, "now()")
			return i, nil
		}
	case "timestamp", "timestamptz":
		if next, ok := r.timestamp(i); ok {
			return next, nil
		}
	case "tinyint", "smallint", "int", "integer", "bigint", "int2", "int4", "int8":
		if r.typePosition(i) {
			r.truncated(i)
		}
		if r.word(i+1) == "unsigned" {
			name := "u" + strings.Replace(word, "integer", "int", 1)
			r.replace(i, i+1, strings.Replace(name, "uint", "uinteger", 1))
			return i + 1, nil
		}
	case "float64":
		if r.typePosition(i) {
			r.replace(i, i, "double")
			return i, nil
		}
	default:
		if f := r.functions[word]; f != nil {
			return r.tableFunction(i, f)
		}
		if done, err := r.function(i, word); done || err != nil {
			return i, err
		}
	}
	if word != r.text(i) {
		r.replace(i, i, word)
	}
	return i, nil
}

// qualified leaves datafusion and public out in front of a table, and makes one name of information_schema.x.
func (r *rewriter) qualified(i int) (int, bool) {
	if r.is(i-1, ".") || !r.is(i+1, ".") {
		return i, false
	}
	at := i
	name, _ := r.name(at)
	if name == catalogName {
		if second, ok := r.name(at + 2); !ok || second != schemaName && second != "information_schema" {
			return i, false
		}
		at += 2
		name, _ = r.name(at)
	}
	if name != schemaName && name != "information_schema" || !r.is(at+1, ".") {
		return i, false
	}
	table, ok := r.name(at + 2)
	if !ok {
		return i, false
	}
	if name == "information_schema" {
		table = name + "." + table
	}
	r.replace(i, at+2, quoteName(table))
	return at + 2, true
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (r *rewriter) viewInstance(i int) (int, error) {
	closing, ok := r.call(i)
	if !ok {
		return i, nil
	}
	set, ok1 := r.literal(i + 2)
	if !ok1 || !r.is(i+3, ",") {
		return i, invalidAt(r.tokens[i].pos, wantedInstance)
	}
	id, ok2 := r.literal(i + 4)
	v, parameter, err := r.constantParameter(i+4, closing)
	switch {
	case err != nil:
		return i, err
	case parameter && v == unbound{}:
		id, r.open = noInstance, true
	case parameter:
		if id, ok2 = v.(string); !ok2 {
			return i, invalidAt(r.tokens[i+4].pos, wantedInstance)
		}
	case !ok2 || closing != i+5:
		return i, invalidAt(r.tokens[i].pos, wantedInstance)
	}
	return r.instance(i, closing, set, id)
}

const wantedInstance = "view_instance wants two constant texts: view_instance('<view set>', '<id>')"

// noInstance is the id of an instance that nobody has.
const noInstance = "00000000-0000-0000-0000-000000000000"

// instance replaces a call of view_instance by the name of its relation.
func (r *rewriter) instance(i, closing int, set, id string) (int, error) {
	for _, c := range []byte(id) {
		if !isWordPart(c) && c != '-' || c >= 0x80 {
			return i, &SQLError{
				Fault: fault.New(fault.Invalid, fmt.Sprintf("view_instance: %q is not an id", id)),
				Pos:   r.tokens[i+4].pos,
			}
		}
	}
	v := instance{set, id, r.tokens[i].pos}
	if !plainName(set) {
		return i, invalidAt(v.pos, fmt.Sprintf("view set '%s' not found", set))
	}
	if other, ok := r.instances[v.relation()]; !ok {
		r.instances[v.relation()] = v
	} else if other.id != id || other.set != set {
		return i, invalidAt(v.pos, "two ids of view_instance differ only in upper and lower case")
	}
	r.replace(i, closing, quoteName(v.relation()))
	return closing, nil
}

// opensOperand reports whether an expression begins behind token i, so that "end" there is a column.
func (r *rewriter) opensOperand(i int) bool {
	if i < 0 {
		return true
	}
	if r.tokens[i].kind == tokenSymbol {
		return !r.is(i, ")") && !r.is(i, "]") && !r.is(i, "}") && !r.is(i, "?")
	}
	switch r.word(i) {
	case "select", "when", "then", "else", "and", "or", "not", "by", "on", "where", "having", "case", "between", "in",
		"like", "ilike", "distinct", "qualify":
		return true
	}
	return false
}

// timestamp makes nanoseconds of TIMESTAMP '…' and of the type in casts. All time is UTC, so that TIMESTAMP WITH TIME
// ZONE is the same.
func (r *rewriter) timestamp(i int) (int, bool) {
	last := i
	if r.word(i+1) == "with" && r.word(i+2) == "time" && r.word(i+3) == "zone" {
		last = i + 3
	}
	if r.word(i+1) == "without" && r.word(i+2) == "time" && r.word(i+3) == "zone" {
		last = i + 3
	}
	_, literal := r.literal(last + 1)
	if !literal && !r.typePosition(i) || r.is(last+1, "(") {
		return i, false
	}
	r.replace(i, last, "timestamp_ns")
	return last, true
}

// typePosition reports whether token i names a type: behind ::, or behind AS in a CAST.
func (r *rewriter) typePosition(i int) bool { return r.castPosition(i) >= 0 }

// castPosition returns where the cast begins whose type token i names: at ::, or at CAST; else -1. The engine tells of the
// same places.
func (r *rewriter) castPosition(i int) int {
	if r.is(i-1, ":") && r.is(i-2, ":") {
		return r.tokens[i-2].pos
	}
	if r.word(i-1) != "as" || r.opening[i] < 1 {
		return -1
	}
	at := r.opening[i] - 1
	if cast := r.word(at); cast != "cast" && cast != "try_cast" {
		return -1
	}
	return r.tokens[at].pos
}
