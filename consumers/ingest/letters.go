package ingest

import (
	"crypto/sha256"
	"slices"
	"strings"
	"unicode/utf8"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// The most bytes of a record that a dead letter keeps. A longer value or key is cut; the letter has its whole length, and
// the hash of the whole value.
const (
	MaxLetterValue  = 2 << 20
	MaxLetterKey    = 64 << 10
	maxLetterDetail = 4 << 10
	letterOverhead  = 256
)

// reasonUnreadable is the reason of dead letters of what cannot be read from the log.
const reasonUnreadable = "unreadable"

// addDead accounts for a dead record and adds its dead letter.
func (b *block) addDead(rec *Record, p Partition, run string, why *schemas.InvalidError) {
	letter := newLetter(rec, p, run, why)
	sum := sha256.Sum256(rec.Value)
	letter.ValueLength, letter.ValueSha256 = uint64(len(rec.Value)), sum[:]
	b.addLetter(letter, rec.Offset, rec.Offset+1)
}

// addUnreadable accounts for the unreadable offsets [from, to) and adds their dead letter, with the bytes if whole.
func (b *block) addUnreadable(rec *Record, p Partition, from, to int64, whole bool) {
	if from >= to {
		return
	}
	if rec.Control {
		b.addException(from, to, ledger.Control)
		return
	}
	part := *rec
	if !whole {
		part.Value = nil
	}
	letter := newLetter(&part, p, rec.Run, &schemas.InvalidError{Reason: reasonUnreadable, Detail: rec.Unreadable.Detail})
	letter.Offset = from
	letter.ValueLength, letter.ValueSha256 = uint64(rec.Unreadable.Length), rec.Unreadable.SHA256
	if to-from > 1 {
		letter.LastOffset = to - 1
	}
	b.addLetter(letter, from, to)
}

func (b *block) addLetter(letter *usagev1.DeadLetter, from, to int64) {
	b.addException(from, to, ledger.Dead)
	b.run(letter.GetRun()).Dead += uint64(to - from)
	b.letters = append(b.letters, letter)
	b.letterBytes += len(letter.GetKey()) + len(letter.GetValue()) + len(letter.GetDetail()) + letterOverhead
}

func newLetter(rec *Record, p Partition, run string, why *schemas.InvalidError) *usagev1.DeadLetter {
	return &usagev1.DeadLetter{
		Topic: p.Topic, Epoch: p.Epoch, Partition: p.ID, Offset: rec.Offset,
		Reason: why.Reason, Field: why.Field, Detail: text(why.Detail, maxLetterDetail),
		Key: slices.Clone(rec.Key[:min(len(rec.Key), MaxLetterKey)]), KeyLength: uint64(len(rec.Key)),
		Value:       slices.Clone(rec.Value[:min(len(rec.Value), MaxLetterValue)]),
		TimestampMs: rec.Timestamp, Run: text(run, MaxRunLabel),
	}
}

// text returns s as valid UTF-8 of at most that many bytes. It shares no memory with a longer s.
func text(s string, most int) string {
	if len(s) <= most && utf8.ValidString(s) {
		return s
	}
	return strings.Clone(CutText(strings.ToValidUTF8(CutText(s, most), "\uFFFD"), most))
}

// CutText returns the beginning of s, at most that many bytes and no part of a rune at its end.
func CutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for i := 1; i < utf8.UTFMax && i <= len(s); i++ {
		if tail := s[len(s)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				return s[:len(s)-i]
			}
			break
		}
	}
	return s
}
