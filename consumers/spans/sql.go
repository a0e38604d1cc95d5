package spans

import (
	"fmt"
	"strings"
)

// BucketMinuteSQL is the minute that a row of a rollup begins with, over its column bucket.
const BucketMinuteSQL = "intDiv(toUnixTimestamp64Second(bucket), 60)"

// BucketMinuteInt64SQL is BucketMinuteSQL as an Int64, whose remainders are right before 1970 too.
const BucketMinuteInt64SQL = "toInt64(" + BucketMinuteSQL + ")"

// MinuteSQL is the minute of a column of the same type as bucket.
func MinuteSQL(column string) string { return strings.ReplaceAll(BucketMinuteSQL, "bucket", column) }

// BucketSQL is the value of the column bucket for the bucket that begins with the minute.
func BucketSQL(minute int32) string {
	return fmt.Sprintf("toDateTime64(%d, 0, 'UTC')", int64(minute)*60)
}

// BucketsSQL is a condition on the column bucket: the bucket begins in the span.
func (s Span) BucketsSQL() string {
	return fmt.Sprintf("bucket >= %s AND bucket < %s", BucketSQL(s.From), BucketSQL(s.To))
}

// MinutesSQL is a condition on a column of minutes: the minute lies in one of the spans.
func MinutesSQL(column string, all []Span) string {
	ranges := make([]string, len(all))
	for i, s := range all {
		ranges[i] = fmt.Sprintf("%[1]s >= %[2]d AND %[1]s < %[3]d", column, s.From, s.To)
	}
	return strings.Join(ranges, " OR ")
}
