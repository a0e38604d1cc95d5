package fields

import (
	"fmt"
	"testing"
)

// TestUnreads counts by field and reason, and holds no more than so many.
func TestUnreads(t *testing.T) {
	var u Unreads
	for i := range keptUnread + 10 {
		u.Add([]Unread{{Field: "country", Reason: "is bad", Example: fmt.Sprint(i)}, {Field: fmt.Sprint(i), Reason: "x"}})
	}
	got := u.List()
	if len(got) != keptUnread+1 || got[0] != (Unread{"country", "is bad", keptUnread + 10, "0"}) || got[1] != (Unread{Reason: "cannot be read", Rows: 11}) {
		t.Errorf("%d: %v", len(got), got[:2])
	}
}
