package cli

import (
	"errors"
	"fmt"
	"time"
)

// moment is a flag for a time: RFC 3339, or a day, which stands for its beginning in UTC. Empty is no time.
type moment string

// parse returns the time in UTC, zero if the flag is empty. name is the flag's, for the error.
func (m moment) parse(name string) (time.Time, error) {
	if m == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, string(m)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: %q is not a time like 2026-03-02T10:30:00Z or a day like 2026-03-02", name, string(m))
}

// spanFlags select events by their time.
type spanFlags struct {
	From moment `help:"Only events from this time on: RFC 3339 such as 2026-03-02T10:30:00Z, or a day such as 2026-03-02 (UTC). Empty: from the first event." placeholder:"TIME" group:"Time"`
	To   moment `help:"Only events before this time, in the same forms. Empty: to the last event." placeholder:"TIME" group:"Time"`
}

// span returns both times, zero for an empty one, or everything that is wrong with them.
func (f spanFlags) span() (from, to time.Time, err error) {
	from, fromErr := f.From.parse("--from")
	to, toErr := f.To.parse("--to")
	err = errors.Join(fromErr, toErr)
	if err == nil && !to.IsZero() && !to.After(from) {
		err = fmt.Errorf("--to: %s is not after --from", f.To)
	}
	return from, to, err
}
