package catalog

import (
	"database/sql"

	"github.com/google/uuid"
)

// The functions here read the columns that several statements share, in the order of those statements.

func (b *BlockRecord) dest() []any {
	return []any{
		(*uuid.UUID)(&b.ID), (*uuid.UUID)(&b.StreamID), (*uuid.UUID)(&b.ProcessID),
		(*int64)(&b.BeginTime), (*int64)(&b.EndTime), (*int64)(&b.BeginTicks), (*int64)(&b.EndTicks), &b.Objects,
		&b.ObjectOffset, &b.PayloadSize, (*int64)(&b.InsertTime),
		&b.Location.Segment, &b.Location.Offset, &b.Location.Size, &b.Location.Checksum,
	}
}

func (p *Partition) dest() []any {
	return []any{
		&p.ID, (*string)(&p.View), &p.File, &p.Size, &p.Rows, (*int64)(&p.MinTime), (*int64)(&p.MaxTime), &p.Schema, &p.Level,
		&p.Blocks, (*int64)(&p.Created), (*int64)(&p.Retired), &p.Checksum, &p.Attempts, &p.Broken, &p.Companion,
	}
}

func scanProcess(rows *sql.Rows) (*ProcessRecord, error) {
	p := new(ProcessRecord)
	var parent uuid.NullUUID
	var properties string
	err := rows.Scan((*uuid.UUID)(&p.ID), &p.Exe, &p.Username, &p.Realname, &p.Computer, &p.Distro, &p.CPUBrand,
		&p.TSCFrequency, (*int64)(&p.StartTime), (*int64)(&p.StartTicks), &parent, &properties, (*int64)(&p.InsertTime),
		(*int64)(&p.LastUpdate), (*int64)(&p.LastBlockEndTicks), (*int64)(&p.LastBlockEndTime), &p.Blocks)
	if err != nil {
		return nil, err
	}
	if parent.Valid {
		copy(p.Parent[:], parent.UUID[:])
	}
	return p, fromJSON(properties, &p.Properties)
}

func scanStream(rows *sql.Rows) (*StreamRecord, error) {
	s := new(StreamRecord)
	var tags, properties string
	err := rows.Scan((*uuid.UUID)(&s.ID), (*uuid.UUID)(&s.ProcessID), &s.DependenciesMetadata, &s.ObjectsMetadata, &tags,
		&properties, &s.Format, (*int64)(&s.InsertTime), (*int64)(&s.LastUpdate), &s.Blocks)
	if err != nil {
		return nil, err
	}
	if err := fromJSON(tags, &s.Tags); err != nil {
		return nil, err
	}
	return s, fromJSON(properties, &s.Properties)
}

// scanPartitions appends the partitions that q returns to list, until it is enough.
func scanPartitions(list *[]Partition, enough func(Partition) bool) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var p Partition
		if err := rows.Scan(p.dest()...); err != nil {
			return err
		}
		*list = append(*list, p)
		if enough != nil && enough(p) {
			return errStop
		}
		return nil
	}
}
