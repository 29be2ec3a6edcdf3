package flightsql

import (
	"strings"
	"unicode/utf8"

	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// urlPrefix begins the type URL of every Flight SQL message.
const urlPrefix = "type.googleapis.com/arrow.flight.protocol.sql."

// decodeCommand reads the Flight SQL message inside the Any that b holds.
func decodeCommand(b []byte) (proto.Message, error) {
	var wrapped anypb.Any
	if err := proto.Unmarshal(b, &wrapped); err != nil {
		return nil, fault.Wrap(fault.Invalid, "the command is not a protobuf Any", err)
	}
	if !strings.HasPrefix(wrapped.TypeUrl, urlPrefix) {
		return nil, fault.New(fault.Invalid, "the command is not a Flight SQL message")
	}
	m, err := wrapped.UnmarshalNew()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "the command cannot be decoded", err)
	}
	return m, nil
}

// decodeTicket reads a ticket: a Flight SQL message inside Any, or a bare TicketStatementQuery. The two cannot be
// confused: read as an Any, the bare form has the statement as its type URL.
func decodeTicket(b []byte) (proto.Message, error) {
	var bare pb.TicketStatementQuery
	if err := proto.Unmarshal(b, &bare); err != nil {
		return nil, fault.Wrap(fault.Invalid, "the ticket is not a protobuf message", err)
	}
	if strings.HasPrefix(string(bare.StatementHandle), urlPrefix) {
		return decodeCommand(b)
	}
	return &bare, nil
}

// statement returns the handle of what cmd asks to run; ok is false for other commands.
func statement(cmd proto.Message) (h handle, ok bool, err error) {
	switch cmd := cmd.(type) {
	case *pb.TicketStatementQuery:
		h, err = parseHandle(cmd.GetStatementHandle())
	case *pb.CommandPreparedStatementQuery:
		h, err = parseHandle(cmd.GetPreparedStatementHandle())
	case *pb.CommandStatementQuery:
		if len(cmd.GetTransactionId()) > 0 {
			return handle{}, true, errTransactions
		}
		h.sql = cmd.GetQuery()
	default:
		return handle{}, false, nil
	}
	if err != nil {
		return handle{}, true, err
	}
	return h, true, checkStatement(h.sql)
}

// checkStatement refuses what cannot be SQL text before anything looks at it.
func checkStatement(sql string) error {
	switch {
	case !utf8.ValidString(sql):
		return fault.New(fault.Invalid, "the statement is not UTF-8 text")
	case strings.ContainsRune(sql, 0):
		return fault.New(fault.Invalid, "the statement contains a NUL character")
	case strings.TrimSpace(sql) == "":
		return fault.New(fault.Invalid, "the statement is empty")
	}
	return nil
}

var (
	errTransactions = fault.New(fault.Unimplemented, "transactions are not supported: every statement stands alone")
	errCommand      = fault.New(fault.Unimplemented, "this command is not supported")
)
