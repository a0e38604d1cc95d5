package ledger

import (
	"errors"
	"fmt"
)

// Validate returns what is inconsistent in the row, all of it joined, or nil: each offset must be counted exactly
// once, by disposition, by run and by minute.
func (r *Row) Validate() error {
	if r.From < 0 || r.To <= r.From {
		return fmt.Errorf("range [%d,%d) is empty or negative", r.From, r.To)
	}
	return errors.Join(r.validateExceptions(), r.validateRuns(), r.validateBuckets(), r.validateProduced())
}

func (r *Row) validateProduced() error {
	known := !r.OldestProduced.IsZero()
	if known == r.NewestProduced.IsZero() || r.NewestProduced.Before(r.OldestProduced) || !known && r.ProduceLag != 0 {
		return fmt.Errorf("records produced from %v to %v, produce lag %s", r.OldestProduced, r.NewestProduced, r.ProduceLag)
	}
	return nil
}

func (r *Row) validateExceptions() error {
	var errs []error
	var count [Gap + 1]uint64
	rest := uint64(r.To - r.From)
	before := Span{To: r.From}
	for _, s := range r.Exceptions {
		switch {
		case !s.Disposition.Valid() || s.Disposition == Stored:
			return fmt.Errorf("%v is not an exception", s)
		case s.Len() <= 0 || s.From < before.To || s.To > r.To:
			return fmt.Errorf("exception %v is empty, out of order or out of range", s)
		case s.From == before.To && s.Disposition == before.Disposition:
			errs = append(errs, fmt.Errorf("exception %v continues %v", s, before))
		}
		count[s.Disposition] += uint64(s.Len())
		rest -= uint64(s.Len())
		before = s
	}
	count[Stored] = rest
	for d, got := range map[Disposition]uint64{Stored: r.Stored, Duplicate: r.Duplicates, Conflict: r.Conflicts,
		Dead: r.Dead, Control: r.Control, Gap: r.Gap} {
		if got != count[d] {
			errs = append(errs, fmt.Errorf("%d %s counted, %d by the exceptions", got, d, count[d]))
		}
	}
	return errors.Join(errs...)
}

func (r *Row) validateRuns() error {
	var errs []error
	var sum RunCount
	for i, c := range r.Runs {
		if i > 0 && r.Runs[i-1].Run >= c.Run {
			errs = append(errs, fmt.Errorf("run %q after %q", c.Run, r.Runs[i-1].Run))
		}
		sum.Stored += c.Stored
		sum.Duplicates += c.Duplicates
		sum.Conflicts += c.Conflicts
		sum.Dead += c.Dead
	}
	if want := (RunCount{Stored: r.Stored, Duplicates: r.Duplicates, Conflicts: r.Conflicts, Dead: r.Dead}); sum != want {
		errs = append(errs, fmt.Errorf("runs add up to %d stored, %d duplicate, %d conflict, %d dead; the row has %d, %d, %d, %d",
			sum.Stored, sum.Duplicates, sum.Conflicts, sum.Dead, want.Stored, want.Duplicates, want.Conflicts, want.Dead))
	}
	return errors.Join(errs...)
}

func (r *Row) validateBuckets() error {
	var errs []error
	var rows uint64
	for i, b := range r.Buckets {
		if i > 0 && r.Buckets[i-1].Minute >= b.Minute {
			errs = append(errs, fmt.Errorf("minute %d after %d", b.Minute, r.Buckets[i-1].Minute))
		}
		if b.MinOffset < r.From || b.MaxOffset >= r.To || b.MaxOffset < b.MinOffset || b.Rows == 0 ||
			b.Rows > uint64(b.MaxOffset-b.MinOffset)+1 {
			errs = append(errs, fmt.Errorf("minute %d: %d rows cannot be at offsets %d to %d of the row", b.Minute, b.Rows, b.MinOffset, b.MaxOffset))
		}
		if b.Strays > b.Rows || b.Revised > b.Rows {
			errs = append(errs, fmt.Errorf("minute %d: %d rows cannot have %d strays and %d revised", b.Minute, b.Rows, b.Strays, b.Revised))
		}
		rows += b.Rows
	}
	if rows != r.Stored {
		errs = append(errs, fmt.Errorf("%d rows by minute, %d stored", rows, r.Stored))
	}
	var low, high int32
	if n := len(r.Buckets); n > 0 {
		low, high = r.Buckets[0].Minute, r.Buckets[n-1].Minute
	}
	if r.MinMinute != low || r.MaxMinute != high {
		errs = append(errs, fmt.Errorf("minutes %d to %d, by the buckets %d to %d", r.MinMinute, r.MaxMinute, low, high))
	}
	return errors.Join(errs...)
}
