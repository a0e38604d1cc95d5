package app

import (
	"strings"
	"testing"

	"tidemark/consumers/audit"
)

// TestJudgeAudit: a load test is right only if its own counts were judged.
func TestJudgeAudit(t *testing.T) {
	own := audit.Finding{Check: "run adds up", Scope: "load-1 token_calls", Verdict: audit.OK}
	other := audit.Finding{Check: "run adds up", Scope: "load-10 token_calls", Verdict: audit.OK}
	lost := audit.Finding{Check: "raw holds", Scope: "token_calls_raw", Verdict: audit.Difference, Detail: "offset 3 is missing"}
	waits := audit.Finding{Check: "run adds up", Scope: "load-1 token_calls", Verdict: audit.Pending}
	for _, test := range []struct {
		name     string
		result   audit.Result
		reported bool
		ok       bool
		text     string
	}{
		{"right", audit.Result{OK: true, Findings: []audit.Finding{other, own}}, true, true, "no difference in 2 checks"},
		{"lost", audit.Result{Findings: []audit.Finding{own, lost}}, true, false, "offset 3 is missing"},
		{"lost, and not to be known yet", audit.Result{Findings: []audit.Finding{lost}}, false, false, "offset 3 is missing"},
		{"not judged", audit.Result{OK: true, Findings: []audit.Finding{other}}, true, false, "has not judged"},
		{"pending", audit.Result{OK: true, Findings: []audit.Finding{waits}}, true, false, "has not judged"},
		{"not ingested", audit.Result{OK: true, Findings: []audit.Finding{waits}}, false, true, "no difference"},
		{"not whole", audit.Result{Findings: []audit.Finding{own}}, true, false, "could not be made"},
	} {
		if ok, text := judgeAudit(test.result, "load-1", test.reported); ok != test.ok || !strings.Contains(text, test.text) {
			t.Errorf("%s: %t, %q", test.name, ok, text)
		}
	}
}
