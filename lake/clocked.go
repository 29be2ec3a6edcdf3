package lake

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// clocked makes t read chunks whose times are ticks. A process that does not know its clock's frequency gets an estimate
// that every block makes better; so the chunks stay, and the engine turns their ticks into time.
func (t *Table) clocked(p *plan, sources []*catalog.PendingBlock, chunks []*localFile) {
	if len(chunks) == 0 {
		return
	}
	c := newClockSQL(sources[0])
	var columns []string
	ticks := map[string]bool{"time": true, "begin_time": true, "end_time": true}
	for _, f := range p.view.schema.Fields() {
		if ticks[f.Name] {
			columns = append(columns, c.time(f.Name)+" AS "+f.Name)
		} else {
			columns = append(columns, f.Name)
		}
	}
	t.Sources = [][]string{paths(chunks)}
	t.Query = "SELECT " + strings.Join(columns, ", ") + " FROM {0}"
	t.times = &c.clock
}

// threads makes t read chunks of thread spans; see threadRows.
func (t *Table) threads(sources []*catalog.PendingBlock, chunks []*localFile, links *localFile) {
	c := newClockSQL(sources[0])
	t.Sources = [][]string{paths(chunks), {links.path}}
	t.Query = fmt.Sprintf(`SELECT s.id, CASE WHEN s.parent = %d THEN l.parent ELSE s.parent END AS parent,
    CAST(s.depth + l.depth AS UINTEGER) AS depth, s.hash, %s AS "begin", %s AS "end", %s - %s AS duration,
    s.name, s.target, s.filename, s.line, s.properties
FROM {0} s JOIN {1} l ON s.segment = l.segment`,
		int64(ofSegment), c.time(`s."begin"`), c.time(`s."end"`), c.nanoseconds(`s."end"`), c.nanoseconds(`s."begin"`))
	t.times = &c.clock
}

// clockSQL turns ticks relative to the start of a process into time, in SQL exactly as telemetry.Clock does.
type clockSQL struct {
	clock telemetry.Clock // of ticks relative to the start
	start telemetry.Time
}

func newClockSQL(b *catalog.PendingBlock) clockSQL {
	frequency := (&source{PendingBlock: b}).spanClock().Frequency()
	return clockSQL{telemetry.NewClock(b.Process.StartTime, 0, frequency), b.Process.StartTime}
}

// farthest bounds the start, and the nanoseconds from there, so that no sum or difference of two times overflows. What lies
// 126 years away is garbage.
const farthest = 4_000_000_000_000_000_000

// nanoseconds returns the SQL of the nanoseconds since 1970 of a column of ticks.
func (c clockSQL) nanoseconds(column string) string {
	factor := strconv.FormatFloat(1e9/float64(c.clock.Frequency()), 'e', -1, 64) // the shortest text that is read back as the same number
	return fmt.Sprintf("(%d + CAST(greatest(-4e18, least(4e18, round(CAST(%s AS DOUBLE) * CAST('%s' AS DOUBLE)))) AS BIGINT))",
		max(min(c.start, farthest), -farthest), column, factor)
}

func (c clockSQL) time(column string) string { return "make_timestamp_ns" + c.nanoseconds(column) }
