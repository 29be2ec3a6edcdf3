package jsonb

import (
	"fmt"
)

// Path is a parsed JSONPath. It may be used by several goroutines.
//
//	$            the document; may be left out in front of the first step
//	.name  :name  ."any name"  ["any name"]        a member; .* all members
//	.**  .**{2}  .**{1 to 3}  .**{1 to last}       the value itself, its values, and theirs, at these depths
//	[0]  [last-1]  [0, 3]  [1 to last]  [*]        elements; [*] of what is not an array is the value itself
//	? (condition)                                  those for which the condition holds
//
// A condition compares (== != <> < <= > >= starts with) values of paths, which begin with $ or with @ for the value in
// question, literals, and sums made of them with + - * / %; conditions are joined with &&, ||, ! and parentheses;
// exists(path) asks for any match. An array that is compared stands for its elements. A comparison of several values holds
// if it does for any pair; values of different kinds compare as false, whatever the operator.
//
// A condition or a sum may also be the whole path; it then has one match, its value.
type Path struct {
	expr expr
}

// The limits of a path's text, of how deep its parentheses nest, and of what one step may lead to.
const (
	maxPath        = 16 << 10
	maxPathDepth   = 64
	maxPathMatches = 1 << 20
)

// ParsePath parses a JSONPath.
func ParsePath(text string) (*Path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("it has %d bytes, at most %d are allowed", len(text), maxPath)
	}
	p := pathParser{text: text}
	e, err := p.whole()
	if err != nil {
		return nil, fmt.Errorf("at byte %d: %w", p.pos, err)
	}
	return &Path{e}, nil
}

// Work counts the values that evaluations have looked at. Evaluations that share one are bounded together: short paths on
// short documents can look at the same values a great many times.
type Work int

// maxWork takes about a second.
const maxWork = 1 << 24

func (w *Work) spend(n int) error {
	if *w += Work(n); *w > maxWork {
		return errPathWork
	}
	return nil
}

// Elements returns the matches in doc, each as a document of its own. They may alias doc.
func (p *Path) Elements(doc []byte, w *Work) ([][]byte, error) {
	matches, err := p.matches(doc, w)
	if err != nil {
		return nil, err
	}
	docs := make([][]byte, len(matches))
	for i, m := range matches {
		docs[i] = m.document()
	}
	return docs, nil
}

// First returns the first match in doc, if there is one. It may alias doc.
func (p *Path) First(doc []byte, w *Work) (match []byte, ok bool, err error) {
	matches, err := p.matches(doc, w)
	if err != nil || len(matches) == 0 {
		return nil, false, err
	}
	return matches[0].document(), true, nil
}

// AppendArray appends the array of all matches in doc.
func (p *Path) AppendArray(dst, doc []byte, w *Work) ([]byte, error) {
	matches, err := p.matches(doc, w)
	if err != nil {
		return dst, err
	}
	return appendItems(dst, matches)
}

func (p *Path) matches(doc []byte, w *Work) ([]item, error) {
	root, err := rootItem(doc)
	if err != nil {
		return nil, err
	}
	ev := evaluation{root, w}
	return ev.values(p.expr, root)
}

// expr is a part of a path that has values. The parser makes it; evaluation looks at it.
type expr interface{ isExpr() }

type (
	// pathExpr is a path from the root or from the value in question.
	pathExpr struct {
		current bool
		steps   []step
	}
	literalExpr struct{ value item }
	// binaryExpr is of two values, or of two conditions for && and ||.
	binaryExpr struct {
		op          string
		left, right expr
	}
	unaryExpr struct { // of - + !
		op      string
		operand expr
	}
	existsExpr struct{ path pathExpr }
)

func (pathExpr) isExpr()    {}
func (literalExpr) isExpr() {}
func (binaryExpr) isExpr()  {}
func (unaryExpr) isExpr()   {}
func (existsExpr) isExpr()  {}

// isCondition reports whether e is true or false, rather than a value of a document.
func isCondition(e expr) bool {
	switch e := e.(type) {
	case existsExpr:
		return true
	case unaryExpr:
		return e.op == "!"
	case binaryExpr:
		switch e.op {
		case "+", "-", "*", "/", "%":
			return false
		}
		return true
	}
	return false
}

// step leads from a value to others.
type step interface{ isStep() }

type (
	memberStep    struct{ name string }
	membersStep   struct{}
	recursiveStep struct{ from, to int } // depths, both included; to < 0 means all
	elementsStep  struct{}
	indexStep     struct{ ranges []indexRange }
	filterStep    struct{ condition expr }
)

func (memberStep) isStep()    {}
func (membersStep) isStep()   {}
func (recursiveStep) isStep() {}
func (elementsStep) isStep()  {}
func (indexStep) isStep()     {}
func (filterStep) isStep()    {}

// indexRange is a run of elements, both ends included.
type indexRange struct{ from, to index }

// index counts from the first element, or from the last.
type index struct {
	offset int
	last   bool
}

func (i index) of(n int) int {
	if i.last {
		return n - 1 + i.offset
	}
	return i.offset
}
