//go:build !duckdb_arrow

package duck

// DuckDB's Go module hands rows over as Arrow only in builds with a tag. This line makes a build without it say so.
var _ = build_with_tags_duckdb_arrow_or_make_build
