package query

// neverNull are the names of columns that are never null in any view that has them.
var neverNull = map[string]bool{"time": true, "begin": true, "time_bin": true}

// descending says NULLS LAST behind "ORDER BY time DESC", where it makes no difference to the answer: there are no nulls.
// Without it nulls come first, as existing statements expect, and then the engine cannot leave out parts of files that
// hold nothing as new as what it already has: the newest hundred rows would cost as much as all of them.
func (r *rewriter) descending(i int) {
	column := r.word(i - 1)
	if neverNull[column] && r.word(i+1) != "nulls" && r.alwaysColumn(column) {
		r.after(i, " NULLS LAST")
	}
}

// alwaysColumn reports whether the name can only mean the column of a view, with its own rows: no alias of that name, no
// subquery that might have made another, no join or grouping that adds nulls.
func (r *rewriter) alwaysColumn(name string) bool {
	selects := 0
	for i := range r.tokens {
		switch word := r.word(i); word {
		case "select", "values":
			selects++
		case "left", "right", "full", "outer", "rollup", "cube", "sets", "pivot", "unpivot":
			return false
		case name:
			if !r.opensOperand(i - 1) { // it follows an expression or AS
				return false
			}
		}
	}
	return selects == 1
}
