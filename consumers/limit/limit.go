// Package limit holds what the settings of the consumers have in common: none may be negative, a statement that
// reads many rows has bounded memory, and statements that can wait leave the cores to those that cannot.
package limit

import "fmt"

// NotNegative returns an error with the name if the value is less than zero.
func NotNegative[T ~int | ~int64](name string, value T) error {
	if value < 0 {
		return fmt.Errorf("%s must not be negative", name)
	}
	return nil
}

// MemorySQL returns the settings, separated by commas, that give a statement so many bytes. Grouping and sorting spill
// to disk from half of that on.
func MemorySQL(bytes int64) string {
	return fmt.Sprintf("max_memory_usage = %d, max_bytes_before_external_group_by = %d, max_bytes_before_external_sort = %d", bytes, bytes/2, bytes/2)
}

// First is the priority of statements that store events or roll up minutes, for the database's setting of that name. Statements without one, as those of
// dashboards, neither pause nor are waited for.
const First = 1

// The settings of a statement with that priority, and of one that pauses while such a statement is at work: at every block that it reads, and for a quarter of a
// second at most, so that it ends where the others never do.
var (
	FirstSQL  = fmt.Sprintf("priority = %d", First)
	BesideSQL = fmt.Sprintf("priority = %d, low_priority_query_wait_time_ms = 250", First+1)
)
