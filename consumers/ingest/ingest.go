// Package ingest moves one partition of the log into the database so that every event counts once.
//
// One Worker serves one partition:
//
//	Resume -> Fetch -> decode -> decide -> Insert -> DeadLetters.Write -> Commit -> Account -> Fetch ...
//
// A worker works in attempts. Each attempt begins with Resume; when the memory of the worker no longer agrees with the
// database, the attempt ends and the next one resumes. The worker has one open block, and fetches nothing while it stores
// that block.
//
// The database holds both the rows and the position (the ledger), and a row is keyed by the coordinates of its
// record. So a copy of a row is harmless, the worker sends an insert again whose outcome is unknown, and the decision about
// a record depends on the log alone: the worker that takes over after a crash decides the same.
//
// The package neither logs nor counts; it calls the functions of Hooks.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Errors that the adapters return and Worker.Run knows. They may be wrapped.
var (
	// ErrBelowStart is returned by Source.Fetch, together with LogStart, when the log no longer holds the requested
	// offset. The worker records a gap and continues at LogStart.
	ErrBelowStart = errors.New("offset is below the start of the log")
	// ErrBeyondEnd is returned by Source.Fetch when the requested offset lies beyond the end of the log: the log
	// lost records or is another one. The worker stops with it and never resets its position.
	ErrBeyondEnd = errors.New("offset is beyond the end of the log")
	// ErrFenced is returned by Committer.Commit when the generation is over. The worker stops with it.
	ErrFenced = errors.New("generation is over")
)

// RefusedError is returned by Store.Insert when the database has read the rows and refuses the data itself, so that
// it would refuse the same rows again.
type RefusedError struct {
	// Err is the answer of the database.
	Err error
}

// Error returns the answer of the database.
func (e *RefusedError) Error() string { return fmt.Sprintf("rows refused: %v", e.Err) }

// Unwrap returns the answer of the database.
func (e *RefusedError) Unwrap() error { return e.Err }

// Partition is a partition with what a worker must know of its topic.
type Partition struct {
	ledger.Partition
	// Type is the type of the events in the partition.
	Type schemas.Type
	// Count is the number of partitions that the topic has.
	Count int
}

// Source reads one partition of the log.
type Source interface {
	// Fetch returns what the log holds from the offset on. When there is nothing it blocks for a bounded time and
	// returns no records, with Next == from. The records and their bytes are valid until the next call.
	//
	// It returns ErrBelowStart (with LogStart set) and ErrBeyondEnd as described there; after any other error the
	// worker calls again, with backoff.
	Fetch(ctx context.Context, from int64) (Fetch, error)
}

// Fetch is an answer of a Source.
type Fetch struct {
	// Records ascend by offset and lie in [from, Next). An offset in between without a record is a gap: a record
	// that the log does not hold any more. Control records and records of aborted transactions are returned with
	// Control set. What cannot be read is returned with Unreadable set; it is not an error that repeats without end.
	Records []Record
	// Next is the first offset that Fetch did not read.
	Next int64
	// HighWatermark is the end up to which Fetch can read at the moment, LogStart the first offset that the log still holds.
	HighWatermark, LogStart int64
	// Asked is when the request was sent whose answer held HighWatermark; zero when that is not known.
	Asked time.Time
}

// Record is one record of the log.
type Record struct {
	Offset int64
	// Timestamp is the record's own, milliseconds since 1970: the broker's where the topic is configured so, else the
	// producer's; -1 when the producer sent none.
	Timestamp int64
	// Key and Value are valid until the next Fetch.
	Key, Value []byte
	// Run is the value of the header schemas.RunHeader, "" if there is none, cut to MaxRunLabel bytes. Only dead letters
	// use it: to name the run that the record belongs to.
	Run string
	// Control marks a control record or one of an aborted transaction. The worker reads only Unreadable of it.
	Control bool
	// Unreadable is not nil when nobody can read the record.
	Unreadable *Unreadable
}

// MaxRunLabel is the greatest length of a run label, in bytes.
const MaxRunLabel = 256

// Unreadable tells why a record, or all that a batch of records holds from an offset on, cannot be read. The Value of the
// Record is then the beginning of the unreadable bytes: the record's, or the batch's as it is on the log.
type Unreadable struct {
	// Next is the first offset behind what cannot be read, greater than the Record's Offset.
	Next int64
	// Detail is the cause in words.
	Detail string
	// Length is the number of bytes that Value is the beginning of, SHA256 their hash, nil if it is not known.
	Length int64
	SHA256 []byte
}

// End returns the first offset behind the record.
func (r *Record) End() int64 {
	if r.Unreadable != nil {
		return r.Unreadable.Next
	}
	return r.Offset + 1
}

// endAt makes the record, which has Unreadable set, end at an offset.
func (r *Record) endAt(next int64) {
	part := *r.Unreadable
	part.Next = next
	r.Unreadable = &part
}

// Store is the database: rows and ledger. Every method may be called again after any error, and after success.
type Store interface {
	// Resume returns where the partition stands: its position and the stored rows of at least the last window
	// offsets before it.
	Resume(ctx context.Context, p Partition, window int64) (Resume, error)
	// Insert stores the rows; nil means that they are durable. It returns a *RefusedError when the database refuses the
	// data itself; after any other error the outcome is unknown and the worker sends the rows again. The rows
	// belong to the worker again when Insert has returned.
	Insert(ctx context.Context, p Partition, rows schemas.Columns) error
	// Account stores one ledger row; nil means that it is durable.
	Account(ctx context.Context, row ledger.Row) error
}

// Resume is what the database knows of a partition.
type Resume struct {
	// Known is false when the ledger has no row of the partition; Position is 0 then.
	Known bool
	// Position is the end of the ledger's chain from offset 0, see ledger.Chain.
	Position int64
	// Stored are the stored rows at offsets in [Position-window, Position), each offset once, ascending.
	Stored []StoredRow
	// Orphans are the stored rows at offsets from Position on, each offset once, ascending: no ledger row accounts for
	// them, because their worker ended between insert and account. They stay as they are.
	Orphans []OrphanRow
	// OrphansUpTo bounds Orphans: when not 0, Orphans is complete for offsets below OrphansUpTo only, and the worker
	// resumes again when it gets there. It is greater than Position. It keeps memory bounded when the ledger is far
	// behind the rows.
	OrphansUpTo int64
}

// StoredRow is what the window needs of a stored row.
type StoredRow struct {
	Offset   int64
	Identity schemas.Identity
	// Time is the time of the event, microseconds since 1970.
	Time int64
	// Revision and Body are as in schemas.Meta.
	Revision, Body uint64
}

// OrphanRow is a stored row that no ledger row accounts for yet. It carries what the ledger needs of the row: the log may
// not hold the record any more.
type OrphanRow struct {
	StoredRow
	// Run is the run of the event; Checksum and Content are the row's as schemas.Spec.ChecksumSQL and ContentSQL give them.
	Run               string
	Checksum, Content uint64
}

// DeadLetters keeps the records that cannot be counted.
type DeadLetters interface {
	// Write returns nil when the letters are durable. A letter may be written more than once; its coordinates tell.
	// The letters are not changed after the call and may be kept.
	Write(ctx context.Context, letters []*usagev1.DeadLetter) error
}

// Committer mirrors the position to the group's offsets, for lag tools, and tells whether the generation lives.
type Committer interface {
	// Commit returns ErrFenced when the generation is over.
	Commit(ctx context.Context, p Partition, offset int64) error
}
