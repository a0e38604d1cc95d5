package audit

import (
	"fmt"
	"io"
	"strings"

	"tidemark/internal/plural"
)

// Report writes a result for people: a line per finding that is not OK, per finding at all if all are wanted, then how many
// checks there were, then the verdict.
func Report(w io.Writer, r Result, all bool) error {
	width := len(Difference)
	for _, f := range r.Findings {
		if f.Verdict == OK && !all {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-*s  %s %s: %s\n", width, f.Verdict, f.Check, f.Scope, f.Detail); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	counts := r.Counts()
	var kinds []string
	for _, kind := range []Verdict{OK, Pending, Error, Difference} {
		if n := counts[kind]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if _, err := fmt.Fprintf(w, "%s: %s\n", plural.Of(len(r.Findings), "check"), strings.Join(kinds, ", ")); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	verdict := "audit: OK"
	if r.Lost > 0 {
		verdict += fmt.Sprintf(", %s lost to retention before they were read", plural.Of(r.Lost, "record was"))
	}
	if r.Dead > 0 {
		verdict += ", " + plural.Of(r.Dead, "dead letter")
	}
	if !r.OK {
		verdict = fmt.Sprintf("audit: DIFFERENCE (%d)", r.Differences())
	}
	if _, err := fmt.Fprintln(w, verdict); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
