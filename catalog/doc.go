// Package catalog is the metadata database: which processes, streams and blocks exist, where their payloads lie, and
// which blocks each view already holds in partitions. It runs on SQLite (one file, shared by the processes of one
// machine) and on PostgreSQL, with the same statements (sql/) and one conformance suite (catalogtest).
//
// # Coverage
//
// A view is a table made from blocks ([LogEntries], [Measures]). For each view that a block feeds, the transaction that
// records the block adds a pending row. Materialising claims pending rows, writes a Parquet file outside, and in one
// transaction deletes those rows and inserts the partition with its members. The invariant, in every snapshot:
//
//	for each (view, block that feeds it), exactly one of
//	  - a pending row
//	  - membership of one live partition
//	  - a dropped row: its rows were deleted from the view on purpose, by a rule of age or by an administrator
//
// Identity decides, never clocks, counts or ranges. A primary key on (view, block) of the members enforces "one" among
// partitions, others do so among pending and among dropped rows; that no pair is in two of them, each transaction sees to,
// and [DB.CheckCoverage] verifies.
//
// Retiring a partition by hand ([DB.RetirePartitions]) gives its members back: in one transaction they become pending
// again and the partition retires. So nothing that was acknowledged vanishes from answers; it is decoded from the blocks
// until maintenance has made a partition of them again. Only dropping takes rows out of a view. It is the first of two
// steps of a deletion: DropPending and RewritePartition drop blocks from views, then DeleteBlocks deletes those that every
// view they feed has dropped. A block that is sent again after that is a new one.
//
// A block may arrive before its stream or process. Its pending row then has no view yet ([Unresolved]); InsertStream
// resolves it: it gets one row for each view that the stream feeds ([Feeds]), none for other streams. On PostgreSQL a
// block and its stream may be recorded by two transactions that do not see each other. Each of the two looks again once it has
// committed, before it returns, so that the later one resolves the row, and no reader needs to look at unresolved ones. What a
// process leaves that dies in between, ClaimPending and Resolve find. A block whose process is missing waits: no reader sees it
// and no claim takes it.
//
// # Claims
//
// Any replica may do maintenance. Work is claimed by a row update with an owner and an expiry; a commit checks that the
// claim still holds, so that work done twice is thrown away and never counted twice. A claim whose expiry has passed
// holds until another owner takes it. Expiry is measured by [Options].Now of the one who claims: clocks that differ
// cost work, never correctness.
//
// Work that takes longer than its lease renews the claim. A partition can also be taken back, whoever has claimed it:
// RetirePartitions, and ReopenPartitions when its file is broken.
//
// A commit whose answer is lost can be repeated: a partition that is there already is success. Only ErrLostClaim says
// that the file is not referenced; after any other error it must stay until the commit has been repeated, or until
// FilesInUse, asked later, does not know it.
//
// # Schema
//
// Times are nanoseconds since 1970 in 64-bit integers, ids 16-byte blobs on SQLite and uuid on PostgreSQL, properties and
// tags JSON text. Text is valid UTF-8 without NUL: what a client sends otherwise is replaced by U+FFFD. block_no and
// partition_no number the rows within this database: they are short, ascend with insertion, and keep the indexes that
// every transaction touches dense. Only this package knows them.
//
//	table             key                     what it holds; who writes it
//	processes         process_id              processes as they registered; InsertProcess, once. recorded_at of processes,
//	                                          streams and blocks is when they came into this catalog (0: not recorded), while
//	                                          insert_time of what was copied is that of another
//	process_activity  process_id              newest insert time, largest end ticks and end time, number of the blocks
//	                                          recorded for a process, known or not yet; Append
//	streams           stream_id               streams as they registered; InsertStream, once
//	stream_tags       stream_id, tag          each tag of a stream, for filters; InsertStream
//	stream_feeds      stream_id, view_name    the views that a stream feeds, decided once; InsertStream
//	stream_activity   stream_id               newest insert time and number of the blocks recorded for a stream; Append
//	blocks            block_no                blocks, and where the payload lies: a span of a segment, or, when segment
//	                                          is '', the column payload; checksum is the CRC-32C of the payload, 0 for
//	                                          blocks from before it was recorded; Append
//	pending           view_name, block_no     see Coverage; view_name '' is unresolved. owner and expires are the claim,
//	                                          both null without one; attempts and last_error tell of decoding that
//	                                          failed, quarantined is 1 after too many, and before not_before nobody
//	                                          claims it; 0 is one that never failed, which goes before all others.
//	                                          Append and InsertStream insert, ClaimPending, RenewPending, ReleasePending,
//	                                          FailPending, PausePending and RequeueQuarantined update, CommitPartition
//	                                          and DropPending delete, RetirePartitions and ReopenPartitions insert
//	partitions        partition_no            partitions: live while retired_at is null, then kept until the file is
//	                                          deleted; file '' stands for blocks without rows. owner and expires are the
//	                                          claim; min_insert, max_insert and objects tell of the members, min_recorded
//	                                          and max_recorded of when they came, or of their insert times where these are
//	                                          later (0: MeasurePartitions finds out). attempts and
//	                                          not_before pace merging that failed, checksum is the CRC-32C of the file
//	                                          (0: not recorded), broken says why a file was set aside. companion_size is
//	                                          that of the file of counts beside the file (0: there is none).
//	                                          CommitPartition, ReplacePartitions and RewritePartition insert, the latter
//	                                          two, RetirePartitions and ReopenPartitions retire, ClaimPartitions,
//	                                          RenewPartitions, TakePartition, FailPartition, ReleasePartitions and
//	                                          MeasurePartitions update,
//	                                          Forget deletes
//	members           view_name, block_no     the live partition that holds a block; CommitPartition inserts,
//	                                          ReplacePartitions and RewritePartition move, RetirePartitions
//	                                          and ReopenPartitions delete
//	dropped           view_name, block_no     blocks that a view is not to have any more, until they are deleted;
//	                                          DropPending and RewritePartition insert, DeleteBlocks deletes
//	segment_waste     segment                 segments from which blocks were deleted, or to which payloads were written in
//	                                          vain: how many bytes, the last of them when (the end of time: nothing is to
//	                                          be done until there are more), and whether the bytes must go although others
//	                                          share the object. Append, StagePayloads, StageBlocks, ForgetStaged, DeleteBlocks,
//	                                          DeleteStaged and MoveBlocks write, LeaveWaste and PostponeWaste update,
//	                                          ForgetWaste deletes
//	query_denials     rule_id                 rules of the deny list; CreateDenial inserts, TouchDenials updates,
//	                                          DeleteDenials deletes
//	view_definitions  name                    views defined in SQL; PutDefinition inserts and replaces, DeleteDefinition deletes
//	api_keys          key_id                  API keys by the SHA-256 of their text; revision is the number of the last change
//	                                          of anything but last_used_at. CreateKey inserts, RevokeKey, ChangeKey and
//	                                          TouchKeys update, nothing deletes
//	api_key_changes   singleton               one row: the revision of the last change of a key, and whether one was ever
//	                                          imported. Who changes a key locks it until the end of the transaction, so
//	                                          that revisions are committed in order and a reader that has seen one has
//	                                          missed none before it
//	staged            block_id                halves of blocks whose payloads come apart from them (bulk ingestion; DeleteStaged deletes them too): the
//	                                          columns of the block are null without it (insert_time tells), segment is
//	                                          null without the payload. Who adds the second half moves the block to
//	                                          blocks, with its pending rows, in the same transaction, so that nothing
//	                                          shows a half. A half waits as long as it takes. StageBlocks, StagePayloads
//	                                          and ForgetStaged
//	schema_migrations version                 the migrations that were applied; Open
//
//	index                     on                               for
//	processes_insert_time     insert_time                      listing processes
//	streams_process           process_id                       the streams of a process
//	streams_insert_time       insert_time                      listing streams
//	blocks, unique            block_id                         idempotence: a block sent twice is recorded once
//	blocks_insert_time        insert_time                      listing blocks
//	blocks_stream             stream_id, end_time              the blocks of a stream, from a time on
//	blocks_process            process_id, end_time             the blocks of a process, from a time on
//	blocks_segment            segment where not ''             SegmentsInUse, WastedSegments
//	partitions, unique        partition_id                     commits that are repeated
//	partitions_live           view_name, level, partition_no   where live: readers, ClaimPartitions
//	partitions_retired        retired_at where not null        Retired
//	partitions_file, unique   file where not ''                FilesInUse; no file is in two partitions
//	staged_segment            segment where not ''             SegmentsInUse
//	members_partition         partition_no                     ReplacePartitions, Members, RetirePartitions
//	segment_waste_since       since                            WastedSegments
//	api_keys, unique          key_hash                         KeyByHash
//	api_keys, unique          revision                         KeysChangedSince, every few seconds in every replica
//	api_keys_created          created_at, key_id               listing keys
//
// There are no foreign keys: rows arrive in any order. Retired partitions have no members.
//
// # Transactions and locks
//
// Every method that writes is one transaction, durable when it returns, and runs again by itself when the database asks
// for it (a lock held elsewhere, a deadlock), until [Options].BusyTimeout has passed.
//
// SQLite: WAL mode, synchronous=FULL. A DB has one connection that writes; its transactions begin with BEGIN IMMEDIATE,
// so writers of all processes take turns and statements between never conflict. Readers have connections of their own,
// each transaction is a snapshot, and nobody waits for a reader. The WAL is moved into the file by the commit that makes
// it longer than 16 MiB. The file must be on a local disk.
//
// PostgreSQL: writers run in READ COMMITTED and lock rows in one order: staged and blocks by block_id, then process_activity, then
// stream_activity, each by id, then segment_waste by name; those of keys lock api_key_changes first. Claims take rows with FOR UPDATE SKIP LOCKED; commits change only rows that still name the
// owner, and count them. Readers run in REPEATABLE READ, READ ONLY. Migrations hold an advisory lock.
//
// # Migrations
//
// migrations/<database>/NNNN_*.sql, numbered from 0001 without gaps, each applied in a transaction of its own together
// with its row in schema_migrations. A released migration is never edited. Statements end with a semicolon at the end of
// a line. A program refuses a database that has more migrations than it knows, and, with [Options].KeepSchema, one that
// has fewer. [Migrations] tells what is applied and what is not, and changes nothing.
package catalog
