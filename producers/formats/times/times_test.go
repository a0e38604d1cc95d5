package times

import (
	"strings"
	"testing"
	"time"
)

func TestWritten(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const ten = "2026-03-01T10:00:00Z"
	for text, want := range map[string]string{
		"2026-03-01 10:00:00":                      ten,
		"2026-03-01 10:00:00+00":                   ten,
		"2026-03-01 12:00:00.5+02":                 "2026-03-01T10:00:00.5Z",
		"2026-03-01 10:00:00 UTC":                  ten,
		"2026-03-01 10:00:00 GMT":                  ten,
		"2026-03-01T10:00:00+0000":                 ten,
		"2026-03-01T10:00Z":                        ten,
		"2026-03-01 10:00:00 +0000 UTC":            ten,
		"2026-03-01 11:00:00.25 +0100 CET m=+0.01": "2026-03-01T10:00:00.25Z",
		"2026-03-01t10:00:00z":                     ten,
		"2026-03-01 12:00:00.123 +02:00":           "2026-03-01T10:00:00.123Z",
		"2026-03-01":                               "2026-03-01T00:00:00Z",
		"20260301T100000Z":                         ten,
		"20260301T1000":                            ten,
		"2026/03/01 10:00:00":                      ten,
		"2026-03-01 10:00:00,75":                   "2026-03-01T10:00:00.75Z",
		"2026-03-01T10:00:00.1234567891Z":          "2026-03-01T10:00:00.123456Z",
		"2026-02-28T24:00:00Z":                     "2026-03-01T00:00:00Z",
		"2026-03-01T15:30:00+05:30":                ten,
		"2026-03-01T06:30:00-0330":                 ten,
		"Sun, 01 Mar 2026 10:00:00 GMT":            ten,
		"Sun, 1 Mar 2026 11:00:00 +0100":           ten,
		"Sun Mar 01 2026 11:00:00 GMT+0100 (Central European Standard Time)": ten,
		"Sun Mar  1 10:00:00 2026":     ten,
		"Sun Mar  1 10:00:00 UTC 2026": ten,
		"01/Mar/2026:10:00:00 +0000":   ten,
		"2026-03-01 10:00 AM":          ten,
		"2026-03-01 10:00:00 pm UTC":   "2026-03-01T22:00:00Z",
		"2026-03-01 12:30am":           "2026-03-01T00:30:00Z",
		"March 1, 2026 10:00 PM":       "2026-03-01T22:00:00Z",
		"1899-12-31 23:59:59":          "1899-12-31T23:59:59Z",
	} {
		us, problem := NewReader(time.UTC).Read(text)
		if got := time.UnixMicro(us).UTC().Format(time.RFC3339Nano); problem != "" || got != want {
			t.Errorf("%s: %s %s, want %s", text, got, problem, want)
		}
	}
	for text, want := range map[string]string{
		"2026-03-01 10:00:00 CET":       "means several",
		"Sun, 01 Mar 2026 10:00:00 EST": "means several",
		"3/1/2026 9:05":                 "month or the day first",
		"01.03.2026 10:00":              "month or the day first",
		"1772359200":                    "unix_s",
		"1772359200123":                 "unix_ms",
		"1772359200.5":                  "unix_s",
		"1772359200123456789":           "unix_ns",
		"2026-02-30 10:00:00":           "is not a time like",
		"2026-03-01 25:00:00":           "is not a time like",
		"2026-03-01 10:61:00":           "is not a time like",
		"2026-03/01":                    "is not a time like",
		"2026-03-01 10:00:00+":          "is not a time like",
		"2026-03-01 10:00:00+1":         "is not a time like",
		"2026-03-01T":                   "is not a time like",
		"2026-03-0110:00":               "is not a time like",
		"":                              "is not a time like",
		"yesterday":                     "is not a time like",
		"2026-03-01 13:00 PM":           "means several",
	} {
		if us, problem := NewReader(time.UTC).Read(text); !strings.Contains(problem, want) {
			t.Errorf("%q: %d %q, want %q", text, us, problem, want)
		}
	}
	if us, problem := NewReader(berlin).Read("2026-07-01 12:00:00 CEST"); problem != "" || us != time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("a zone's own name: %d %q", us, problem)
	}
	if _, problem := NewReader(berlin, "02.01.2006 15:04 MST").Read("01.07.2026 12:00 PST"); !strings.Contains(problem, "PST") {
		t.Errorf("another zone's name: %q", problem)
	}
	both := NewReader(time.UTC, "1/2/2006", "2/1/2006")
	if _, problem := both.Read("3/1/2026"); !strings.Contains(problem, "another day by each") {
		t.Errorf("two days: %q", problem)
	}
	if us, problem := both.Read("13/1/2026"); problem != "" || us != time.Date(2026, 1, 13, 0, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("one day: %d %q", us, problem)
	}
	if us, problem := NewReader(time.UTC, "2.1.2006 15:04", "2.1.2006").Read("1.3.2026"); problem != "" || us != time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("the second layout: %d %q", us, problem)
	}
}

// TestClockChanges reads local times around the hours that come twice and not at all: each file with the UTC times, and how
// many rows nothing tells.
func TestClockChanges(t *testing.T) {
	for _, test := range []struct {
		name, zone, rows, want string
		untold                 int64
	}{
		{"in order", "Europe/Berlin", "01:30 02:00 02:30 02:00 02:30 03:00", "23:30 00:00 00:30 01:00 01:30 02:00", 0},
		{"newest first", "Europe/Berlin", "03:00 02:30 02:00 02:30 02:00 01:30", "02:00 01:30 01:00 00:30 00:00 23:30", 0},
		{"a little out of order", "Europe/Berlin", "01:00 01:59 02:10:30 02:10 02:59 02:05:20 02:05 03:10", "23:00 23:59 00:10:30 00:10 00:59 01:05:20 01:05 02:10", 0},
		{"one pass only", "Europe/Berlin", "01:30 02:10 02:20 03:00", "23:30 00:10 00:20 02:00", 2},
		{"twice the same time", "Europe/Berlin", "01:30 02:10 02:10 03:00", "23:30 00:10 00:10 02:00", 2},
		{"no order", "Europe/Berlin", "05:00 01:00 04:00 00:30 02:10 02:05 06:00 03:00", "04:00 23:00 03:00 22:30 00:10 00:05 05:00 02:00", 2},
		{"half an hour", "Australia/Lord_Howe", "01:15 01:45 01:30 02:00", "14:15 14:45 15:00 15:30", 0},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		day := "2026-10-25 "
		if test.zone == "Australia/Lord_Howe" {
			day = "2026-04-05 "
		}
		r := NewReader(zone)
		var got []string
		for row := range strings.FieldsSeq(test.rows) {
			us, problem := r.Read(day + row)
			if problem != "" {
				t.Fatalf("%s: %s %s", test.name, row, problem)
			}
			got = append(got, strings.TrimSuffix(time.UnixMicro(us).UTC().Format("15:04:05"), ":00"))
		}
		if text := strings.Join(got, " "); text != test.want || r.Untold() != test.untold {
			t.Errorf("%s: got %s and %d untold\nwant %s and %d", test.name, text, r.Untold(), test.want, test.untold)
		}
	}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	if _, problem := NewReader(berlin).Read("2026-03-29 02:30:00"); !strings.Contains(problem, "does not exist in Europe/Berlin") {
		t.Errorf("the missing hour: %q", problem)
	}
	havana, _ := time.LoadLocation("America/Havana") // Clocks change at midnight.
	us, problem := NewReader(havana).Read("2026-03-08")
	if problem != "" || us != time.Date(2026, 3, 8, 5, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("a day without midnight: %s %q", time.UnixMicro(us).UTC(), problem)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"2026-03-01 10:00:00+00", "20260301T100000Z", "Sun, 1 Mar 2026 11:00:00 +0100", "2026-03-01 10:00:00.5 +0100 CET m=+1"} {
		f.Add(text)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, zone := range []*time.Location{time.UTC, berlin} {
			us, problem := NewReader(zone).Read(text)
			if problem != "" {
				continue
			}
			again, problem := NewReader(zone).Read(time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z"))
			if y := time.UnixMicro(us).UTC().Year(); y >= 0 && y <= 9999 && (problem != "" || again != us) {
				t.Errorf("%q is %d, which is read as %d %q", text, us, again, problem)
			}
		}
	})
}
