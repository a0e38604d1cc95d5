package audit_test

import (
	"strings"
	"testing"

	"tidemark/consumers/audit"
)

// TestOtherRuns: records of a run that the ledger counted among others, in a block with too many to tell apart, are no
// difference, as long as those are enough and no event is stored that was not made.
func TestOtherRuns(t *testing.T) {
	w := world(t)
	w.Exec("%s", "ALTER TABLE ledger UPDATE `runs.run` = arrayMap(x -> '(other runs)', `runs.run`) WHERE topic = 'token_calls.v1' AND partition = 1 SETTINGS mutations_sync = 2")
	result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
	if !result.OK || !strings.Contains(report, "among (other runs), which were too many at a time") {
		t.Errorf("verdict OK is %v:\n%s", result.OK, report)
	}
	w.Exec("%s", "ALTER TABLE runs_raw UPDATE produced = produced + 1000000 WHERE 1 SETTINGS mutations_sync = 2")
	if result, report = run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}}); result.OK || !strings.Contains(report, "records were produced, and") {
		t.Errorf("verdict OK is %v:\n%s", result.OK, report)
	}
	if result, report = run(t, &audit.Auditor{DB: w.DB, Log: unread{topics{w, 0}, "token_calls.v1"}}); result.OK || !strings.Contains(report, "error       run adds up") || strings.Contains(report, "difference  run adds up") {
		t.Errorf("the log cannot be read: verdict OK is %v:\n%s", result.OK, report)
	}
}
