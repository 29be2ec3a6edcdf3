package catalog_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestSpanOfOlderPartitions has a partition that a program from before the columns recorded: what it does not tell about its
// members is found out when it is merged, and does not stay unknown for ever.
func TestSpanOfOlderPartitions(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "catalog.db")
	db := opener(dsn)(t, time.Now)
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	s := telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative}
	if err := errors.Join(db.InsertProcesses(t.Context(), []telemetry.Process{p}), db.InsertStreams(t.Context(), []telemetry.Stream{s})); err != nil {
		t.Fatal(err)
	}
	owner := uuid.New()
	partition := func() catalog.Partition { return catalog.Partition{ID: uuid.New(), View: catalog.LogEntries} }
	var old []catalog.PartitionID
	for i := range 2 {
		b := catalog.BlockRecord{Block: telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID, Objects: 7, InsertTime: telemetry.Time(1000 + i),
		}}
		made := partition()
		old = append(old, made.ID)
		_, err := db.Append(t.Context(), []catalog.BlockRecord{b})
		if err == nil {
			_, err = db.ClaimPending(t.Context(), catalog.ClaimPending{View: catalog.LogEntries, Owner: owner})
		}
		if err == nil {
			err = db.CommitPartition(t.Context(), owner, made, []telemetry.BlockID{b.ID})
		}
		if err == nil {
			err = db.TakePartition(t.Context(), owner, made.ID, time.Minute, false)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), "UPDATE partitions SET min_insert = 0, max_insert = 0, objects = 0 WHERE partition_no = 1"); err != nil {
		t.Fatal(err)
	}
	if err := db.ReplacePartitions(t.Context(), owner, old, partition()); err != nil {
		t.Fatal(err)
	}
	var list []catalog.PartitionRecord
	err = db.Read(t.Context(), func(r *catalog.Reader) (err error) {
		list, err = r.PartitionRecords(t.Context(), catalog.PartitionFilter{})
		return err
	})
	if err != nil || len(list) != 1 || list[0].MinInsert != 1000 || list[0].MaxInsert != 1001 || list[0].Objects != 14 {
		t.Errorf("partitions %+v, %v", list, err)
	}
}
