package threshold

import (
	"math"
	"strings"
	"testing"
)

var metrics = map[string]Kind{"freshness_ms": Trend, "sent": Counter, "late": Rate, "lag": Gauge}

func TestParse(t *testing.T) {
	for text, want := range map[string]Threshold{
		"freshness_ms:p(99)<1000":     {Metric: "freshness_ms", Aggregation: "p(N)", Percentile: 99, Operator: "<", Number: 1000},
		"freshness_ms : p(99.9) <= 5": {Metric: "freshness_ms", Aggregation: "p(N)", Percentile: 99.9, Operator: "<=", Number: 5},
		"freshness_ms:p(0)>0":         {Metric: "freshness_ms", Aggregation: "p(N)", Operator: ">"},
		"freshness_ms:med!=-1.5":      {Metric: "freshness_ms", Aggregation: "med", Operator: "!=", Number: -1.5},
		"freshness_ms:avg<1e3":        {Metric: "freshness_ms", Aggregation: "avg", Operator: "<", Number: 1000},
		"sent:count===5":              {Metric: "sent", Aggregation: "count", Operator: "===", Number: 5},
		"sent:rate>=100":              {Metric: "sent", Aggregation: "rate", Operator: ">=", Number: 100},
		"late:rate<0.01":              {Metric: "late", Aggregation: "rate", Operator: "<", Number: 0.01},
		"lag:value==0":                {Metric: "lag", Aggregation: "value", Operator: "=="},
	} {
		want.Text = text
		if got, err := Parse(text, metrics); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                         "is not METRIC:AGGREGATION",
		"p(99)<1000":               "is not METRIC:AGGREGATION",
		"freshness_ms":             "is not METRIC:AGGREGATION",
		"freshness_ms:p(99)":       "is not METRIC:AGGREGATION",
		"freshness_ms:p(99)=<1":    "is not METRIC:AGGREGATION",
		"freshness_ms:p(99)<1 ms":  "is not METRIC:AGGREGATION",
		"fresh:p(99)<1":            "there is no metric fresh, only freshness_ms, lag, late, sent",
		"freshness_ms:p(101)<1":    "p(101) is not a percentile",
		"freshness_ms:p(-1)<1":     "p(-1) is not a percentile",
		"freshness_ms:p(NaN)<1":    "p(NaN) is not a percentile",
		"freshness_ms:p()<1":       "p() is not a percentile",
		"freshness_ms:count<1":     "is a trend, which has avg, min, max, med, p(N), not count",
		"lag:rate<1":               "is a gauge, which has value, not rate",
		"freshness_ms:p(99)<1s":    "\"1s\" is not a number; it has no unit",
		"freshness_ms:p(99)<NaN":   "\"NaN\" is not a number",
		"freshness_ms:p(99)<1e999": "is not a number",
	} {
		if got, err := Parse(text, metrics); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, got, err, want)
		}
	}
}

func TestHolds(t *testing.T) {
	for operator, want := range map[string][3]bool{ // Of values below, at and above the number.
		"<": {true, false, false}, "<=": {true, true, false}, ">": {false, false, true}, ">=": {false, true, true},
		"==": {false, true, false}, "===": {false, true, false}, "!=": {true, false, true},
	} {
		threshold := Threshold{Operator: operator, Number: 5}
		for i, value := range []float64{math.Nextafter(5, 0), 5, 6} {
			if got := threshold.Holds(value); got != want[i] {
				t.Errorf("%v %s 5 is %t", value, operator, got)
			}
		}
	}
}
