package schemas

import "slices"

// The verdicts of an audit's checks, as in the table audits.
const (
	VerdictOK         = "ok"
	VerdictPending    = "pending"    // No difference so far; the rest is under way.
	VerdictError      = "error"      // The check could not be made: nobody knows.
	VerdictDifference = "difference" // A number is wrong.
)

// Verdicts returns the verdicts, the worst first.
func Verdicts() []string { return append(FailedVerdicts(), VerdictPending, VerdictOK) }

// FailedVerdicts returns those of an audit that did not pass, the worst first.
func FailedVerdicts() []string { return []string{VerdictDifference, VerdictError} }

// Failed reports whether the verdict is one of an audit that did not pass.
func Failed(verdict string) bool { return slices.Contains(FailedVerdicts(), verdict) }
