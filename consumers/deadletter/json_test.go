package deadletter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tidemark/consumers/deadletter"
	"tidemark/consumers/ledger"
)

// TestEntryJSON checks the names that programs read in the list of dead letters.
func TestEntryJSON(t *testing.T) {
	entry := deadletter.Entry{Coordinate: deadletter.Coordinate{Partition: ledger.Partition{Topic: "token_calls.v1", Epoch: 2, ID: 3}, Offset: 4}, Reason: "malformed"}
	text, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"Topic":"token_calls.v1","Epoch":2,"Partition":3,"Offset":4,"Reason":"malformed",`; !strings.HasPrefix(string(text), want) {
		t.Errorf("%s does not begin with %s", text, want)
	}
}
