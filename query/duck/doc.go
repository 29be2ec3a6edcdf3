// Package duck runs queries on DuckDB in this process; it is the only package that imports it.
package duck
