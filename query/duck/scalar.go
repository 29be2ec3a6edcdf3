package duck

import "slices"

// scalar is a function of ours in Go. run gets whole chunks.
type scalar struct {
	name   string
	args   []sqlType
	result sqlType
	run    func(in []column, out *output, rows int) error
}

// scalars are all functions of ours in Go; see macros.sql for those in SQL.
var scalars = slices.Concat(numberScalars(), timeScalars(), timestampScalars(), digestScalars(), regexpScalars(), jsonbScalars(), jsonbListScalars(),
	propertyScalars(), histogramScalars(), colourScalars(), textScalars())

// skipNull marks the rows with a NULL argument and reports whether row i is one.
func skipNull(in []column, out *output, i int) bool {
	for _, c := range in {
		if c.null(i) {
			out.setNull(i)
			return true
		}
	}
	return false
}
