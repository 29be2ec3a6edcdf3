package lake

import "github.com/micromegas-go/micromegas/catalog"

// maker turns blocks into rows of one view.
type maker interface {
	// add decodes s and adds its rows. After an error the rows that were well formed are in.
	add(s *source) error
	// finish adds the rows that could not be made before the last block was known.
	finish()
	// collected returns the rows so far.
	collected() *rows
}

func newMaker(v *view) maker {
	switch v {
	case logEntries:
		return newLogRows()
	case measures:
		return newMeasureRows()
	default:
		panic("lake: " + v.name + " is not made from blocks")
	}
}

// materialised returns the definition of a view that is kept in partitions.
func materialised(name catalog.View) *view {
	switch name {
	case catalog.LogEntries:
		return logEntries
	case catalog.Measures:
		return measures
	default:
		panic("lake: " + string(name) + " is not kept in partitions")
	}
}
