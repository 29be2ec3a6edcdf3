package load

import (
	"context"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Client asks a server over Flight.
type Client struct{ sql *flightsql.Client }

// Dial returns a client of a server that was started with flight.
func (s *Server) Dial() (*Client, error) {
	c, err := flightsql.NewClient(s.GRPC, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return &Client{c}, err
}

// Close ends the connection.
func (c *Client) Close() error { return c.sql.Close() }

// Ask runs a statement as the caller with the key, and calls each with the batches of the answer; nil reads them only.
func (c *Client) Ask(ctx context.Context, key, sql string, each func(arrow.RecordBatch)) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	info, err := c.sql.Execute(ctx, sql)
	if err != nil {
		return err
	}
	r, err := c.sql.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() {
		if each != nil {
			each(r.RecordBatch())
		}
	}
	return r.Err()
}

// Times are how long things took.
type Times []time.Duration

// Milliseconds is the quantile q, from 0 to 1.
func (t Times) Milliseconds(q float64) float64 {
	t = slices.Sorted(slices.Values(t))
	return t[int(q*float64(len(t)-1))].Seconds() * 1e3
}
