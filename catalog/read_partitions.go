package catalog

import "context"

// Partitions returns the live partitions of view that have a file, oldest first. The range takes those whose event times
// meet it; process, stream and block take those that have such a member.
func (r *Reader) Partitions(ctx context.Context, view View, f Filter) ([]Partition, error) {
	f.Tag = ""
	var list []Partition
	q := query{name: "partitions", args: []any{string(view)}, options: f.options(string(view))}
	err := r.s.each(ctx, q, scanPartitions(&list, nil))
	return list, err
}
