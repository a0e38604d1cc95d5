package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/deadletter"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// letters are the dead letters that their topic holds.
type letters struct {
	exists bool             // The topic does.
	whole  bool             // Nothing was deleted from it.
	about  map[source]*held // By where the records were.
}

// held are the offsets of one partition that letters are about.
type held struct {
	single map[uint64]bool // True if the database refused the record.
	ranges [][2]uint64     // Of letters about many records, to exclusive; there are few.
}

// has reports whether a letter is about the record at an offset.
func (h *held) has(offset uint64) bool {
	if h == nil {
		return false
	}
	if _, ok := h.single[offset]; ok {
		return true
	}
	return slices.ContainsFunc(h.ranges, func(r [2]uint64) bool { return r[0] <= offset && offset < r[1] })
}

// refused reports whether the database refused the record at an offset.
func (l *letters) refused(from source, offset uint64) bool {
	return l != nil && l.about[from] != nil && l.about[from].single[offset]
}

// source is where the records of dead letters were.
type source struct {
	topic string
	ledgerdb.Place
}

// reasonRefused is the reason of letters about valid events that the database refused.
const reasonRefused = "refused"

// readLetters reads the dead-letter topic once an audit. What is read of it later than the ledger has all the letters of
// what the ledger accounts for, since they are written first.
func (r *run) readLetters(ctx context.Context) error {
	if r.letters != nil {
		return nil
	}
	topic, err := r.Log.Topic(ctx, schemas.DeadLettersTopic)
	if err != nil {
		return fmt.Errorf("read the ends of %s: %w", schemas.DeadLettersTopic, err)
	}
	l := &letters{exists: len(topic.Partitions) > 0, whole: true, about: make(map[source]*held)}
	for id, ends := range topic.Partitions {
		l.whole = l.whole && ends.Start == 0
		if err := r.scan(ctx, id, ends, l.take); err != nil {
			return fmt.Errorf("read %s: %w", schemas.DeadLettersTopic, err)
		}
	}
	r.letters = l
	return nil
}

// scan reads a partition of the dead-letter topic from its start to its end.
func (r *run) scan(ctx context.Context, partition int32, ends Ends, take func(value []byte)) error {
	for from := ends.Start; from < ends.End; {
		f, err := r.Records.Fetch(ctx, schemas.DeadLettersTopic, partition, from)
		switch {
		case errors.Is(err, ingest.ErrBelowStart) && f.LogStart > from:
			from = f.LogStart
			continue
		case err != nil:
			return err
		}
		for i := range f.Records {
			if !f.Records[i].Control {
				take(f.Records[i].Value)
			}
		}
		if f.Next == from {
			return nil // What is left belongs to an open transaction.
		}
		from = f.Next
	}
	return nil
}

// take remembers a letter. What is no letter is no matter here.
func (l *letters) take(value []byte) {
	var letter usagev1.DeadLetter
	if proto.Unmarshal(value, &letter) != nil || letter.GetOffset() < 0 || letter.GetPartition() < 0 {
		return
	}
	from := source{letter.GetTopic(), ledgerdb.Place{Epoch: letter.GetEpoch(), Partition: uint32(letter.GetPartition())}}
	h := l.about[from]
	if h == nil {
		h = &held{single: make(map[uint64]bool)}
		l.about[from] = h
	}
	first, end := extent(&letter)
	if end-first > 1 {
		h.ranges = append(h.ranges, [2]uint64{first, end})
		return
	}
	h.single[first] = h.single[first] || letter.GetReason() == reasonRefused
}

// extent returns the offsets that a letter is about, to exclusive.
func extent(letter *usagev1.DeadLetter) (first, end uint64) {
	from, to := deadletter.Extent(letter)
	return uint64(from), uint64(to)
}

// lettersMissing returns the first dead record without a letter; empty if there is none. A topic that has deleted letters
// of its own proves nothing of those that are missing.
func (r *run) lettersMissing(ctx context.Context, t *topic) (string, error) {
	if r.Records == nil || len(t.except.dead) == 0 {
		return "", nil
	}
	if err := r.readLetters(ctx); err != nil {
		return "", err
	}
	missing, first := uint64(0), ""
	for _, s := range t.except.dead {
		letters := r.letters.about[source{t.spec.Topic, s.Place}]
		for offset := s.from; offset < s.to; offset++ {
			if letters.has(offset) {
				continue
			}
			if missing == 0 {
				first = fmt.Sprintf("partition %d offset %d%s", s.Partition, offset, t.inEpoch(s.Place))
			}
			missing++
		}
	}
	switch {
	case missing == 0:
		return "", nil
	case !r.letters.exists:
		return fmt.Sprintf("the brokers do not have the topic %s, and the ledger calls %d records dead, first %s", schemas.DeadLettersTopic, missing, first), nil
	case r.letters.whole:
		return fmt.Sprintf("%s: the ledger calls it dead, and %s has no letter about it; %d letters are missing", first, schemas.DeadLettersTopic, missing), nil
	}
	t.except.unkept = missing
	return "", nil
}
