package macros

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// everything has every macro and built-in variable that depends on the range.
const everything = "$__timeFilter(t)|$__timeFilter_ms(t)|$__dateFilter(d)|$__dateTimeFilter(d,t)|$__fromTime|$__toTime|$__fromTime_ms|$__toTime_ms|" +
	"$__timeFrom(t)|$__timeTo(t)|$__timeInterval(t)|$__timeInterval_ms(t)|$__interval_s|$__interval_ms|$__interval|$__from|$__to|${__from:date}|${__to:date:seconds}"

// TestRangesAndZones says the expansion again, from milliseconds since 1970 alone, for ranges of all lengths around
// every time that matters, in zones whose offset changes.
func TestRangesAndZones(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Monrovia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	instants := []time.Time{
		time.Unix(0, 0), time.UnixMilli(-1), time.UnixMilli(999), time.UnixMilli(-1001),
		time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC),
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 59, 59, 5e8, time.UTC), // Berlin's changes.
		time.Date(2011, 12, 30, 12, 0, 0, 0, time.UTC), // The day that Apia left out.
		time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC), time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC),
	}
	lengths := []time.Duration{0, time.Millisecond, time.Second, time.Hour, 25 * time.Hour, 366 * 24 * time.Hour, 40 * 366 * 24 * time.Hour}
	for range 3000 {
		from := instants[r.IntN(len(instants))].Add(time.Duration(r.Int64N(3)) * time.Duration(r.Int64N(int64(400*24*time.Hour))))
		to := from.Add(lengths[r.IntN(len(lengths))] + time.Duration(r.Int64N(int64(time.Minute))))
		interval := time.Duration(r.Int64N(int64(1)<<r.IntN(50) + 1))
		zone := zones[r.IntN(len(zones))]
		got, err := Expand(everything, Scope{From: from.In(zone), To: to.In(zone), Interval: interval})
		if err != nil {
			t.Fatal(err)
		}
		if want := sayAgain(t, from.UnixMilli(), to.UnixMilli(), interval); got != want {
			t.Fatalf("from %s to %s every %s in %s\n got %s\nwant %s", from.UTC(), to.UTC(), interval, zone, got, want)
		}
	}
}

// sayAgain is the expansion of everything, by integers alone.
func sayAgain(t *testing.T, from, to int64, interval time.Duration) string {
	floor := func(a, b int64) int64 {
		q := a / b
		if a%b < 0 {
			q--
		}
		return q
	}
	// Days since 1970 to a date, by the proleptic Gregorian calendar: the years have 400 for a period.
	date := func(ms int64) string {
		days := floor(ms, 86_400_000) + 719_468 // Since 1 March of the year 0.
		era := floor(days, 146_097)
		day := days - era*146_097
		year := (day - day/1460 + day/36_524 - day/146_096) / 365
		day -= 365*year + year/4 - year/100
		month := (5*day + 2) / 153
		day -= (153*month+2)/5 - 1
		if month += 3; month > 12 {
			month -= 12
			year++
		}
		return fmt.Sprintf("%04d-%02d-%02d", era*400+year, month, day)
	}
	f, e := fmt.Sprintf("toDateTime(%d)", floor(from, 1000)), fmt.Sprintf("toDateTime(%d)", floor(to, 1000))
	fm, em := fmt.Sprintf("fromUnixTimestamp64Milli(%d)", from), fmt.Sprintf("fromUnixTimestamp64Milli(%d)", to)
	df, de := "toDate('"+date(from)+"')", "toDate('"+date(to)+"')"
	s, ms := max(interval.Nanoseconds()/1e9, 1), max(interval.Nanoseconds()/1e6, 1)
	ofDay := from - floor(from, 86_400_000)*86_400_000
	clock := fmt.Sprintf("%02d:%02d:%02d.%03d", ofDay/3_600_000, ofDay/60_000%60, ofDay/1000%60, ofDay%1000)
	return fmt.Sprintf("t >= %[1]s AND t <= %[2]s|t >= %[3]s AND t <= %[4]s|d >= %[5]s AND d <= %[6]s|(d >= %[5]s AND d <= %[6]s) AND (t >= %[1]s AND t <= %[2]s)|%[1]s|%[2]s|%[3]s|%[4]s|"+
		"t >= %[1]s|t <= %[2]s|toStartOfInterval(toDateTime(t), INTERVAL %[7]d second)|toStartOfInterval(toDateTime64(t, 3), INTERVAL %[8]d millisecond)|%[7]d|%[8]d|%[9]s|%[10]d|%[11]d|%[12]sT%[13]sZ|%[14]d",
		f, e, fm, em, df, de, s, ms, sayInterval(t, ms), from, to, date(from), clock, floor(to+500, 1000))
}

// sayInterval is the greatest text of one number and one unit that is not longer than ms.
func sayInterval(t *testing.T, ms int64) string {
	best, text := int64(0), ""
	for unit, length := range map[string]int64{"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "y": 31_536_000_000} {
		if n := ms / length; n > 0 && length > best {
			best, text = length, strconv.FormatInt(n, 10)+unit
		}
	}
	if !regexp.MustCompile(`^[1-9][0-9]*(ms|s|m|h|d|y)$`).MatchString(text) {
		t.Fatalf("an interval of %d ms is %q", ms, text)
	}
	return text
}
