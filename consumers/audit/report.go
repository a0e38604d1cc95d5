package audit

import (
	"fmt"
	"io"
)

// Report writes a result for people: a line per finding, then the verdict.
func Report(w io.Writer, r Result) error {
	width := len(Difference)
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-*s  %s %s: %s\n", width, f.Verdict, f.Check, f.Scope, f.Detail); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	verdict := "audit: OK"
	if r.Lost > 0 {
		verdict += fmt.Sprintf(", %d records were lost to retention before they were read", r.Lost)
	}
	if r.Dead > 0 {
		verdict += fmt.Sprintf(", %d dead letters", r.Dead)
	}
	if !r.OK {
		verdict = fmt.Sprintf("audit: DIFFERENCE (%d)", r.Differences())
	}
	if _, err := fmt.Fprintln(w, verdict); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
