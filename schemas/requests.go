package schemas

// Reasons of a pending range of buckets, as in the table of pending ranges.
const (
	ReasonDeferred  = "deferred"  // The range waits for a later step.
	ReasonMismatch  = "mismatch"  // Raw rows do not match the ledger.
	ReasonRequested = "requested" // A rebuild or a migration requests the range.
)

// NowSQL is the database's clock, in microseconds since 1970, as an Int64.
const NowSQL = "toUnixTimestamp64Micro(now64(6))"

// NowVersionSQL is the database's clock as a version, which is a UInt64.
const NowVersionSQL = "toUInt64(" + NowSQL + ")"

// RequestVersionSQL is the version for new requests in a table of pending ranges: the database's clock, or one more than
// the newest version in the table if the clock was set back. A request thus replaces one of the same buckets that is
// done.
func RequestVersionSQL(table string) string {
	return "greatest(" + NowVersionSQL + ", (SELECT least(max(version), toUInt64(9223372036854775807)) FROM " + table + ") + 1)"
}
