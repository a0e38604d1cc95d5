// Package deadletter writes and reads the topic of the records that could not be counted.
//
//	Writer.Write -> fit -> Log.Append
//	Scanner.Scan -> decode -> one entry per coordinate -> List, Show
//
// The topic may hold a letter several times, because a worker that repeats a block writes its letters again. Copies have the
// coordinate of the same record, so List shows every record once.
package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	usagev1 "tidemark/schemas/usage/v1"
)

// Scanner reads a topic from its start to the end that it has when Scan is called. The record and its bytes are valid only during
// the call of fn. An error of fn ends the scan; Scan returns it, maybe wrapped.
type Scanner interface {
	Scan(ctx context.Context, topic string, fn func(partition int32, record ingest.Record) error) error
}

// Coordinate is the place in the log of the record that a letter holds.
type Coordinate struct {
	ledger.Partition
	Offset int64
}

// String returns "topic/epoch/partition/offset".
func (c Coordinate) String() string {
	return fmt.Sprintf("%s/%d/%d/%d", c.Topic, c.Epoch, c.ID, c.Offset)
}

// ParseCoordinate parses the result of Coordinate.String.
func ParseCoordinate(s string) (Coordinate, error) {
	bad := func() (Coordinate, error) {
		return Coordinate{}, fmt.Errorf("%q is not of the form topic/epoch/partition/offset, such as token_calls.v1/1/0/42", s)
	}
	parts := strings.Split(s, "/")
	if len(parts) != 4 || parts[0] == "" {
		return bad()
	}
	epoch, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return bad()
	}
	partition, err := strconv.ParseUint(parts[2], 10, 31)
	if err != nil {
		return bad()
	}
	offset, err := strconv.ParseUint(parts[3], 10, 63)
	if err != nil {
		return bad()
	}
	return Coordinate{Partition: ledger.Partition{Topic: parts[0], Epoch: uint32(epoch), ID: int32(partition)}, Offset: int64(offset)}, nil
}

// Compare orders coordinates by topic, epoch, partition, offset.
func (c Coordinate) Compare(other Coordinate) int {
	return cmp.Or(cmp.Compare(c.Topic, other.Topic), cmp.Compare(c.Epoch, other.Epoch),
		cmp.Compare(c.ID, other.ID), cmp.Compare(c.Offset, other.Offset))
}

// Entry describes one record that could not be counted, without its bytes.
type Entry struct {
	Coordinate
	Reason    string // "malformed", "invalid", "refused" or "unreadable"
	Field     string // the field at fault, where there is one
	Detail    string // the cause in words
	Run       string
	Timestamp time.Time // the record's own
	Written   time.Time // when the letter was written
	Size      int       // bytes of the record's value, of which Kept are in the letter
	Kept      int
	// Records is the number of offsets that the letter stands for, beginning with that of the coordinate. It is more than 1 for
	// a batch of records that cannot be read.
	Records int
}

// Filter selects letters. An empty field selects all.
type Filter struct {
	Topic  string // without namespace
	Reason string
	Run    string
}

func (f Filter) match(letter *usagev1.DeadLetter) bool {
	return (f.Topic == "" || f.Topic == letter.GetTopic()) && (f.Reason == "" || f.Reason == letter.GetReason()) && (f.Run == "" || f.Run == letter.GetRun())
}

// Count is a number of records that could not be counted.
type Count struct {
	Topic, Reason, Run string
	Records            int
}

// Unreadable is a record of the dead-letter topic that is not a letter.
type Unreadable struct {
	Partition int32 // of the dead-letter topic
	Offset    int64
	Err       error
}

// Listing is what List found.
type Listing struct {
	Entries []Entry // by coordinate; of more than the limit the first ones read
	Omitted int     // how many more entries there are
	Counts  []Count // over all entries, by topic, reason and run
	Records int     // different records over all entries; every offset of a batch that cannot be read is one
	Copies  int     // letters about records that an earlier letter holds
	// Unreadable are records of the dead-letter topic that are not letters: at most maxUnreadable of UnreadableCount.
	Unreadable      []Unreadable
	UnreadableCount int
}

const (
	// maxUnreadable bounds Listing.Unreadable.
	maxUnreadable = 100
	// maxCounts bounds Listing.Counts, because producers choose the names of runs. Runs beyond the bound are counted under
	// OtherRuns.
	maxCounts = 4096
)

// OtherRuns is the run of a Count that stands for several.
const OtherRuns = ledger.OtherRuns

// List reads the dead-letter topic, given by its full name, and returns at most limit entries, all if limit is 0. Besides the
// entries it needs about 24 bytes of memory per different record.
func List(ctx context.Context, scanner Scanner, topic string, filter Filter, limit int) (*Listing, error) {
	listing := &Listing{}
	seen := map[ledger.Partition]*offsets{}
	counts := map[Count]int{}
	err := scanner.Scan(ctx, topic, func(partition int32, record ingest.Record) error {
		if record.Control {
			return nil
		}
		letter, err := decode(record)
		switch {
		case err != nil:
			listing.unreadable(Unreadable{Partition: partition, Offset: record.Offset, Err: err})
		case !filter.match(letter):
		default:
			first, end := Extent(letter)
			if records := remember(seen, CoordinateOf(letter).Partition, first, end); records > 0 {
				count(counts, letter, records)
				listing.add(entryOf(letter), records, limit)
			} else {
				listing.Copies++
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", topic, err)
	}
	slices.SortFunc(listing.Entries, func(a, b Entry) int { return a.Compare(b.Coordinate) })
	for key, records := range counts {
		key.Records = records
		listing.Counts = append(listing.Counts, key)
	}
	slices.SortFunc(listing.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Run, b.Run))
	})
	return listing, nil
}

// add counts an entry, and keeps it if there are fewer than limit.
func (l *Listing) add(e Entry, records, limit int) {
	l.Records += records
	if limit > 0 && len(l.Entries) == limit {
		l.Omitted++
		return
	}
	l.Entries = append(l.Entries, e)
}

func (l *Listing) unreadable(u Unreadable) {
	l.UnreadableCount++
	if len(l.Unreadable) < maxUnreadable {
		l.Unreadable = append(l.Unreadable, u)
	}
}

func count(counts map[Count]int, letter *usagev1.DeadLetter, records int) {
	key := Count{Topic: letter.GetTopic(), Reason: letter.GetReason(), Run: letter.GetRun()}
	if _, known := counts[key]; !known && len(counts) >= maxCounts {
		key.Run = OtherRuns
	}
	counts[key] += records
}

// ErrNotFound is returned by Show if no letter holds the record.
var ErrNotFound = errors.New("there is no dead letter of this record")

// errFound ends a scan that has found what it looks for.
var errFound = errors.New("found")

// Show returns the first letter that holds the record at the coordinate, with as much of its key and value as the letter kept.
func Show(ctx context.Context, scanner Scanner, topic string, at Coordinate) (*usagev1.DeadLetter, error) {
	var found *usagev1.DeadLetter
	err := scanner.Scan(ctx, topic, func(_ int32, record ingest.Record) error {
		if record.Control {
			return nil
		}
		// Records that are not letters are skipped: List reports them.
		if letter, err := decode(record); err == nil && about(letter, at) {
			found = letter
			return errFound
		}
		return nil
	})
	switch {
	case found != nil && (err == nil || errors.Is(err, errFound)):
		return found, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", topic, err)
	}
	return nil, fmt.Errorf("%s: %w", at, ErrNotFound)
}

// decode decodes a letter. A record that does not name the place of another record is not a letter.
func decode(record ingest.Record) (*usagev1.DeadLetter, error) {
	if record.Unreadable != nil {
		return nil, fmt.Errorf("not a dead letter: %s", record.Unreadable.Detail)
	}
	letter := new(usagev1.DeadLetter)
	if err := proto.Unmarshal(record.Value, letter); err != nil {
		return nil, fmt.Errorf("not a dead letter: %w", err)
	}
	if _, end := Extent(letter); end <= letter.GetOffset() {
		return nil, errors.New("not a dead letter: its offsets are impossible")
	}
	if letter.GetTopic() == "" || letter.GetReason() == "" || letter.GetPartition() < 0 || letter.GetOffset() < 0 {
		return nil, errors.New("not a dead letter: it does not name the record or the reason")
	}
	return letter, nil
}

// CoordinateOf returns the place of the first record that a letter stands for.
func CoordinateOf(letter *usagev1.DeadLetter) Coordinate {
	return Coordinate{Partition: ledger.Partition{Topic: letter.GetTopic(), Epoch: letter.GetEpoch(), ID: letter.GetPartition()}, Offset: letter.GetOffset()}
}

func entryOf(letter *usagev1.DeadLetter) Entry {
	return Entry{
		Coordinate: CoordinateOf(letter),
		Reason:     letter.GetReason(),
		Field:      letter.GetField(),
		Detail:     letter.GetDetail(),
		Run:        letter.GetRun(),
		Timestamp:  time.UnixMilli(letter.GetTimestampMs()).UTC(),
		Written:    time.UnixMicro(letter.GetWrittenUs()).UTC(),
		Size:       Length(letter),
		Kept:       len(letter.GetValue()),
		Records:    records(letter),
	}
}
