package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/deadletter"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/internal/plural"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// letters are the dead letters that their topic holds.
type letters struct {
	exists bool                                // The topic does.
	whole  bool                                // Nothing was deleted from it.
	about  map[ledger.Partition]*letterOffsets // By the partition that the records were in.
}

// letterOffsets are the offsets of one partition that letters are about.
type letterOffsets struct {
	single map[uint64]bool // True if the database refused the record.
	ranges [][2]uint64     // Of letters about many records, to exclusive; there are few.
}

// has reports whether a letter is about the record at an offset.
func (o *letterOffsets) has(offset uint64) bool {
	if o == nil {
		return false
	}
	if _, ok := o.single[offset]; ok {
		return true
	}
	return slices.ContainsFunc(o.ranges, func(r [2]uint64) bool { return r[0] <= offset && offset < r[1] })
}

// refused reports whether the database refused the record at an offset.
func (l *letters) refused(from ledger.Partition, offset uint64) bool {
	return l != nil && l.about[from] != nil && l.about[from].single[offset]
}

// reasonRefused is the reason of letters about valid events that the database refused.
const reasonRefused = "refused"

// readLetters reads the dead-letter topic, once per audit. Ingest writes letters before the ledger rows that count
// them, so the topic, read after the ledger, has a letter for every dead record that the ledger has.
func (p *pass) readLetters(ctx context.Context) error {
	if p.letters != nil {
		return nil
	}
	topic, err := p.Log.Topic(ctx, schemas.DeadLettersTopic)
	if err != nil {
		return fmt.Errorf("read the ends of %s: %w", schemas.DeadLettersTopic, err)
	}
	l := &letters{exists: len(topic.Partitions) > 0, whole: true, about: make(map[ledger.Partition]*letterOffsets)}
	for id, ends := range topic.Partitions {
		l.whole = l.whole && ends.Start == 0
		if err := p.readDeadLetters(ctx, id, ends, l.add); err != nil {
			return fmt.Errorf("read %s: %w", schemas.DeadLettersTopic, err)
		}
	}
	p.letters = l
	return nil
}

// readDeadLetters reads a partition of the dead-letter topic from its start to its end.
func (p *pass) readDeadLetters(ctx context.Context, partition int32, ends schemas.Offsets, add func(value []byte)) error {
	for from := ends.Start; from < ends.End; {
		f, err := p.Records.Fetch(ctx, schemas.DeadLettersTopic, partition, from)
		switch {
		case errors.Is(err, ingest.ErrBelowStart) && f.LogStart > from:
			from = f.LogStart
			continue
		case err != nil:
			return err
		}
		for i := range f.Records {
			if !f.Records[i].Control {
				add(f.Records[i].Value)
			}
		}
		if f.Next == from {
			return nil // The rest belongs to an open transaction.
		}
		from = f.Next
	}
	return nil
}

// add adds a letter. It ignores records that are not letters.
func (l *letters) add(value []byte) {
	var letter usagev1.DeadLetter
	if proto.Unmarshal(value, &letter) != nil || letter.GetOffset() < 0 || letter.GetPartition() < 0 {
		return
	}
	from := ledger.Partition{Topic: letter.GetTopic(), Epoch: letter.GetEpoch(), ID: letter.GetPartition()}
	offsets := l.about[from]
	if offsets == nil {
		offsets = &letterOffsets{single: make(map[uint64]bool)}
		l.about[from] = offsets
	}
	first, end := extent(&letter)
	if end-first > 1 {
		offsets.ranges = append(offsets.ranges, [2]uint64{first, end})
		return
	}
	offsets.single[first] = offsets.single[first] || letter.GetReason() == reasonRefused
}

// extent returns the offsets that a letter is about, to exclusive.
func extent(letter *usagev1.DeadLetter) (first, end uint64) {
	from, to := deadletter.Extent(letter)
	return uint64(from), uint64(to)
}

// findMissingLetter describes the first dead record without a letter; empty if there is none. If retention has deleted
// letters from the topic, a missing letter proves nothing.
func (p *pass) findMissingLetter(ctx context.Context, t *topic) (string, error) {
	if p.Records == nil || len(t.except.dead) == 0 {
		return "", nil
	}
	if err := p.readLetters(ctx); err != nil {
		return "", err
	}
	missing, first := uint64(0), ""
	for _, s := range t.except.dead {
		letters := p.letters.about[s.Partition]
		for offset := s.from; offset < s.to; offset++ {
			if letters.has(offset) {
				continue
			}
			if missing == 0 {
				first = fmt.Sprintf("partition %d offset %d%s", s.ID, offset, t.inEpoch(s.Epoch))
			}
			missing++
		}
	}
	switch {
	case missing == 0:
		return "", nil
	case !p.letters.exists:
		return fmt.Sprintf("the brokers do not have the topic %s, and the ledger calls %s dead, first %s", schemas.DeadLettersTopic, plural.Of(missing, "record"), first), nil
	case p.letters.whole:
		return fmt.Sprintf("%s: the ledger calls it dead, and %s has no letter about it; %s missing", first, schemas.DeadLettersTopic, plural.Of(missing, "letter is")), nil
	}
	t.except.unkept = missing
	return "", nil
}
