package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// node is an object of DuckDB's parse tree, as json_serialize_sql writes it.
type node map[string]any

// parseTree returns the query of the only statement.
func parseTree(data []byte) (node, error) {
	var answer struct {
		Error      bool   `json:"error"`
		ErrorType  string `json:"error_type"`
		Message    string `json:"error_message"`
		Position   string `json:"position"`
		Statements []struct {
			Node node `json:"node"`
		} `json:"statements"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		return nil, fault.Wrap(fault.Internal, "the statement's parse tree could not be read", err)
	}
	if answer.Error {
		message := strings.Replace(answer.Message, "memory exhausted", "the statement is nested too deep", 1) // yacc's stack
		pos, err := strconv.Atoi(answer.Position)
		if err != nil {
			pos = -1
		}
		return nil, &SQLError{Fault: fault.New(fault.Invalid, message), Pos: pos}
	}
	if len(answer.Statements) != 1 || answer.Statements[0].Node == nil {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("one query is wanted, the text holds %d", len(answer.Statements)))
	}
	return answer.Statements[0].Node, nil
}

func (n node) text(key string) string { s, _ := n[key].(string); return s }

func (n node) bool(key string) bool { b, _ := n[key].(bool); return b }

func (n node) child(key string) node { return asNode(n[key]) }

func (n node) list(key string) []any { l, _ := n[key].([]any); return l }

func asNode(v any) node { m, _ := v.(map[string]any); return m }

// pos returns the byte offset in the statement; -1 when unknown.
func (n node) pos() int {
	number, _ := n["query_location"].(json.Number)
	pos, err := strconv.Atoi(string(number))
	if err != nil {
		return -1
	}
	return pos
}

// texts returns a list of texts.
func (n node) texts(key string) []string {
	var out []string
	for _, v := range n.list(key) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
