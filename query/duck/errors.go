package duck

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// report is an error as DuckDB writes it with errors_as_json.
type report struct {
	Type     string `json:"exception_type"`
	Message  string `json:"exception_message"`
	Position string `json:"position"`
}

// engineError is DuckDB's text of an error, as the cause of what callers see.
type engineError string

func (e engineError) Error() string { return string(e) }

// classify makes an error for the caller of DuckDB's text.
func classify(ctx context.Context, text string) error {
	if err := boundError(text); err != nil {
		return err
	}
	cause := engineError(text)
	r := parseReport(text)
	if ctx.Err() != nil && (r.Type == "Interrupt" || r.Type == "INTERRUPT" || strings.Contains(text, "INTERRUPT")) {
		return canceled(ctx)
	}
	if strings.Contains(text, "No space left on device") || strings.Contains(text, "Disk quota exceeded") {
		return &fault.Error{ // only spilling writes
			Kind: fault.Exhausted,
			Msg:  "the query needs more room on the server's disk than there is",
			Fix:  "narrow the time range, select fewer columns, or aggregate more; or ask again later",
			Err:  cause,
		}
	}
	switch r.Type {
	case "Out of Memory":
		return outOfMemory(cause)
	case "IO", "Internal", "INTERNAL", "FATAL", "Fatal", "Interrupt", "INTERRUPT", "Connection", "Serialization", "TransactionContext",
		"Network", "HTTP":
		return fault.Wrap(fault.Internal, "the query engine failed", cause)
	case "Not implemented":
		return statementError(fault.Unimplemented, r, cause)
	case "Permission":
		// Statements cannot name files, so a file of ours is missing; DuckDB then looks for a folder of that name.
		return fault.Wrap(fault.Internal, "the query engine could not read a file", cause)
	case "":
		return fault.Wrap(fault.Internal, "the query engine failed", cause)
	}
	return statementError(fault.Invalid, r, cause)
}

func outOfMemory(cause error) error {
	return &fault.Error{
		Kind: fault.Exhausted,
		Msg:  "the query needs more memory than it may use",
		Fix:  "narrow the time range, select fewer columns, or aggregate more",
		Err:  cause,
	}
}

func statementError(kind fault.Kind, r report, cause error) error {
	pos, err := strconv.Atoi(r.Position)
	if err != nil || pos < 0 {
		pos = -1
	}
	return &query.SQLError{Fault: fault.Wrap(kind, clean(r.Message), cause), Pos: pos, Data: !aboutText[r.Type]}
}

// aboutText are the kinds of errors that are found before any row is read.
var aboutText = map[string]bool{"Parser": true, "Syntax": true, "Binder": true, "Catalog": true, "Not implemented": true, "Parameter Not Allowed": true}

// parseReport reads DuckDB's JSON, with or without a prefix such as "Parser Error: "; plain text is taken apart.
func parseReport(text string) report {
	var r report
	if begin := strings.IndexByte(text, '{'); begin >= 0 && json.Unmarshal([]byte(text[begin:]), &r) == nil && r.Type != "" {
		return r
	}
	kind, message, ok := strings.Cut(text, " Error: ")
	if !ok || len(kind) > 30 {
		return report{Message: text}
	}
	return report{Type: kind, Message: message}
}

var (
	// absolutePath finds what looks like a path of a file.
	absolutePath = regexp.MustCompile(`(/[^\s'",;:()]+){2,}`)
	// stackTrace is where DuckDB appends one.
	stackTrace = regexp.MustCompile(`(?s)\n*Stack Trace:.*`)
	// hint points to the engine's own documentation or settings, which callers cannot change.
	hint = regexp.MustCompile(`(?s)\n+(LINE \d+:|Possible solutions:|This error signals|For more information).*|\s*Use "SET .*`)
)

// clean leaves out of a message what callers must not see or cannot use.
func clean(message string) string {
	message = stackTrace.ReplaceAllString(message, "")
	message = hint.ReplaceAllString(message, "")
	message = absolutePath.ReplaceAllString(message, "<path>")
	message = strings.NewReplacer("memory.main.", "", "temp.main.", "", "main.", "", `"TIMESTAMP_NS"`, "TIMESTAMP",
		`Values list "`, `Table "`, "extract specifier ", "unit of time ").Replace(message)
	return strings.TrimSpace(message)
}

// canceled is the error of a query whose context ended: the cause if it is classified, else that the caller left.
func canceled(ctx context.Context) error {
	cause := context.Cause(ctx)
	if f := fault.Of(cause); f != nil {
		return f
	}
	if errors.Is(cause, context.DeadlineExceeded) {
		return fault.Wrap(fault.Exhausted, "the query ran into the caller's deadline", cause)
	}
	return fault.Wrap(fault.Canceled, "the query was canceled", cause)
}
