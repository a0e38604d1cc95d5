package cli

import (
	"errors"
	"fmt"
	"time"
)

// spanFlags are the times that a command looks at, of the events and not of its run.
type spanFlags struct {
	From string `help:"First event time, as 2026-03-02 or 2026-03-02T10:30:00Z; the first there is when empty." placeholder:"TIME" group:"Time"`
	To   string `help:"First event time not looked at any more, in the same forms; none when empty." placeholder:"TIME" group:"Time"`
}

// span returns both times, zero where none is given, or everything that is wrong with them.
func (f spanFlags) span() (from, to time.Time, err error) {
	from, fromErr := moment("--from", f.From)
	to, toErr := moment("--to", f.To)
	err = errors.Join(fromErr, toErr)
	if err == nil && !to.IsZero() && !to.After(from) {
		err = fmt.Errorf("--to: %s is not after --from", f.To)
	}
	return from, to, err
}

// moment parses a time or a day; zero if the text is empty. name is the flag's, for the error.
func moment(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: %q is not a time like 2026-03-02T10:30:00Z or a day like 2026-03-02", name, text)
}
