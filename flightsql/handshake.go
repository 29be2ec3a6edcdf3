package flightsql

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authgrpc"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// handshakeTimeout is for all messages of a handshake: until then the caller may be anybody.
const handshakeTimeout = 10 * time.Second

// Handshake is for clients that log in with a name and a password, see the package comment. The door has left the decision
// to us where the password is not in the header.
func (s *Server) Handshake(stream flight.FlightService_HandshakeServer) error {
	ctx, cancel := context.WithTimeout(stream.Context(), handshakeTimeout)
	defer cancel()
	in := receive(ctx, stream)

	present, password, inHeader, ok := authgrpc.Handshake(ctx)
	if !ok {
		if _, known := auth.From(ctx); !known {
			return &fault.Error{
				Kind: fault.Unimplemented, Msg: "handshake is not supported",
				Fix: `send the key or token with every call as the header "authorization: Bearer …"`,
			}
		}
		return in.drain() // the header had a token: it is all that calls need
	}
	if !inHeader {
		var err error
		if password, err = in.basicAuth(); err != nil {
			return err
		}
	}
	if _, err := present(ctx, password); err != nil {
		return err
	}
	if password != "" { // else a certificate was presented
		if err := stream.SetHeader(metadata.Pairs("authorization", "Bearer "+string(password))); err != nil {
			return err
		}
		if !inHeader {
			if err := stream.Send(&flight.HandshakeResponse{Payload: []byte(password)}); err != nil {
				return err
			}
		}
	}
	return in.drain()
}

// handshakeInput are the messages of a handshake.
type handshakeInput struct {
	ctx      context.Context //nolint:containedctx // it lives as long as the call
	messages chan handshakeMessage
}

type handshakeMessage struct {
	payload []byte
	err     error // io.EOF after the last one
}

// receive reads the messages. Its goroutine ends with the call.
func receive(ctx context.Context, stream flight.FlightService_HandshakeServer) handshakeInput {
	in := handshakeInput{ctx, make(chan handshakeMessage)}
	go func() {
		for {
			m, err := stream.Recv()
			select {
			case in.messages <- handshakeMessage{m.GetPayload(), err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return in
}

func (in handshakeInput) next() ([]byte, error) {
	select {
	case m := <-in.messages:
		return m.payload, m.err
	case <-in.ctx.Done():
		return nil, in.ctx.Err()
	}
}

// basicAuth returns the password of the first message; "" when there is none.
func (in handshakeInput) basicAuth() (auth.Secret, error) {
	payload, err := in.next()
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var basic flight.BasicAuth
	if err := proto.Unmarshal(payload, &basic); err != nil {
		return "", nil //nolint:nilerr // no credential that we know, which is for the door to refuse
	}
	return auth.Secret(basic.GetPassword()), nil
}

// drain waits until the client has nothing to say any more: those on gRPC's C core take an answer that comes earlier for
// a broken connection.
func (in handshakeInput) drain() error {
	const most = 16 // messages; clients send one
	for range most {
		if _, err := in.next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return fault.New(fault.Invalid, "the handshake has too many messages")
}
