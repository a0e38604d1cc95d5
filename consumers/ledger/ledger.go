// Package ledger records what became of every offset of a partition.
//
// A Row accounts for a contiguous range of offsets: how many of them are stored, which ones are not and why, and the
// minutes of the stored ones. A worker writes a row only after what it describes is durable, so any set of rows that
// tiles a partition is true. Chain finds that tiling: the position of a partition is the end of its chain.
//
// The package is pure: it does no input or output and starts no goroutine. Package ledgerdb reads the ledger.
package ledger

import (
	"fmt"
	"time"
)

// Disposition is what became of one offset. The numbers are stored and never change.
type Disposition uint8

// The dispositions. Every offset has exactly one.
const (
	// Stored means that the raw table holds the record.
	Stored Disposition = 1
	// Duplicate means that a record of the same identity and time is stored from one of the last Window offsets.
	Duplicate Disposition = 2
	// Conflict means that a record of the same identity and another time is stored from one of the last Window
	// offsets.
	Conflict Disposition = 3
	// Dead means that the record is in the dead-letter topic.
	Dead Disposition = 4
	// Control means that the offset holds a control record or a record of an aborted transaction.
	Control Disposition = 5
	// Gap means that the log no longer held the offset when the worker came to read it.
	Gap Disposition = 6
)

var dispositionNames = [...]string{Stored: "stored", Duplicate: "duplicate", Conflict: "conflict", Dead: "dead", Control: "control", Gap: "gap"}

// String returns the name that the ledger table uses, for example "duplicate".
func (d Disposition) String() string {
	if d.Valid() {
		return dispositionNames[d]
	}
	return fmt.Sprintf("disposition(%d)", uint8(d))
}

// Valid reports whether d is one of the dispositions.
func (d Disposition) Valid() bool { return d >= Stored && d <= Gap }

// Partition is one partition of one incarnation of a topic.
type Partition struct {
	// Topic is the topic without its namespace, for example "token_calls.v1".
	Topic string
	// Epoch numbers the incarnations of the topic: deleted and created again, it has the next epoch.
	Epoch uint32
	// ID is the number that the brokers give the partition. In JSON it is Partition, as people call it.
	ID int32 `json:"Partition"`
}

// String returns "topic/id epoch n".
func (p Partition) String() string { return fmt.Sprintf("%s/%d epoch %d", p.Topic, p.ID, p.Epoch) }

// Span is a range of offsets that share a disposition. To is exclusive.
type Span struct {
	From, To    int64
	Disposition Disposition
}

// Len is the number of offsets in the span.
func (s Span) Len() int64 { return s.To - s.From }

// String returns "[from,to) disposition".
func (s Span) String() string { return fmt.Sprintf("[%d,%d) %s", s.From, s.To, s.Disposition) }

// RunCount counts the records that one run made, by disposition. A record without a run counts under "".
type RunCount struct {
	Run                                 string
	Stored, Duplicates, Conflicts, Dead uint64
}

// MaxRuns is the number of runs that a row tells apart. It counts the records of all others under OtherRuns.
const (
	MaxRuns   = 1024
	OtherRuns = "(other runs)"
)

// Bucket summarizes the stored rows of one minute.
type Bucket struct {
	// Minute counts minutes since 1970-01-01T00:00Z, rounded down.
	Minute int32
	// Rows is the number of stored rows. Checksum and Content are the wrapping sums of their checksums, see
	// schemas.Meta.
	Rows, Checksum, Content uint64
	// Strays is the number of rows in another partition than that of their identity: a repeat of such a row may be in
	// any partition. Revised is the number of rows with a revision above 0, which may replace another row. If either is
	// above 0, rollups look at every event of the minute.
	Strays, Revised uint64
	// MinOffset and MaxOffset are the first and last of their offsets, both inclusive.
	MinOffset, MaxOffset int64
}

// Row accounts for the offsets [From, To) of one partition.
type Row struct {
	Partition
	// From is the first offset covered, To the first one not covered.
	From, To int64
	// Generation and Member identify the worker that wrote the row. The generations of a partition ascend.
	Generation int64
	Member     string
	// Partitions is the partition count of the topic at the time.
	Partitions int
	// Window is the number of offsets in which the worker looked for duplicates; 0 if an earlier worker, whose window
	// is not recorded, decided on rows of the range.
	Window int64
	// HighWatermark is the end of the log as last seen before the row was written.
	HighWatermark int64
	// Stored to Gap count the offsets by disposition; together they are To - From.
	Stored, Duplicates, Conflicts, Dead, Control, Gap uint64
	// Exceptions are the offsets that are not stored: ascending, disjoint, and each as long as possible.
	Exceptions []Span
	// Runs are the counts by run, sorted by name: at most MaxRuns runs, and OtherRuns. Control and gap offsets have no
	// run.
	Runs []RunCount
	// Buckets summarize the stored rows by minute, ascending.
	Buckets []Bucket
	// MinMinute and MaxMinute bound the minutes of Buckets; both are 0 when nothing is stored.
	MinMinute, MaxMinute int32
	// Bytes is the size of the values of the records covered.
	Bytes uint64
	// Resends is the number of attempts after the first one that the insert took, InsertTime the whole time it took.
	Resends    uint32
	InsertTime time.Duration
	// EventLag is the age of the newest stored event when the row was written; 0 when nothing is stored.
	EventLag time.Duration
	// OldestProduced and NewestProduced are the times when the first and the last record of the range entered the log,
	// to the millisecond, whatever became of the records. Both are zero when no record has such a time.
	OldestProduced, NewestProduced time.Time
	// ProduceLag is the time from OldestProduced until the row was written, by the worker's clock; 0 when that is zero.
	ProduceLag time.Duration
	// FetchedAt is when the oldest record of the range was read from the log.
	FetchedAt time.Time
}

// Range returns the range that the row accounts for, for Chain.
func (r *Row) Range() Range { return Range{From: r.From, To: r.To, Generation: r.Generation} }

// String returns the range and the counts of the row in one line.
func (r *Row) String() string {
	return fmt.Sprintf("%v [%d,%d) generation %d: %d stored, %d duplicate, %d conflict, %d dead, %d control, %d gap",
		r.Partition, r.From, r.To, r.Generation, r.Stored, r.Duplicates, r.Conflicts, r.Dead, r.Control, r.Gap)
}

// At returns the disposition of an offset that the row covers, and false for any other.
func (r *Row) At(offset int64) (Disposition, bool) {
	if offset < r.From || offset >= r.To {
		return 0, false
	}
	for _, s := range r.Exceptions {
		if offset < s.From {
			break
		}
		if offset < s.To {
			return s.Disposition, true
		}
	}
	return Stored, true
}
