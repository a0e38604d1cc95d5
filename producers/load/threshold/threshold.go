// Package threshold reads conditions on the figures of a load test, in the grammar of k6, and evaluates them.
//
//	METRIC:AGGREGATION OPERATOR NUMBER     freshness_raw_ms:p(99)<1000
//
// Aggregations are those of k6: of a trend avg, min, max, med and p(N), of a counter count and rate, of a rate rate, of a
// gauge value. A number has no unit: the metric's name says which one it is.
package threshold

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a metric is, as k6 calls it. It decides which aggregations there are.
type Kind string

// The kinds.
const (
	Trend   Kind = "trend"
	Counter Kind = "counter"
	Rate    Kind = "rate"
	Gauge   Kind = "gauge"
)

var aggregations = map[Kind][]string{
	Trend: {"avg", "min", "max", "med", "p(N)"}, Counter: {"count", "rate"}, Rate: {"rate"}, Gauge: {"value"},
}

// Threshold is a condition.
type Threshold struct {
	Text        string  // As it was written.
	Metric      string  // Its name.
	Aggregation string  // "avg", or "p(N)" for a percentile.
	Percentile  float64 // Of "p(N)".
	Operator    string
	Number      float64
}

var form = regexp.MustCompile(`^\s*([a-z_0-9]+)\s*:\s*([a-z]+(?:\(\s*[^()\s]*\s*\))?)\s*(===|==|!=|>=|<=|>|<)\s*(\S+)\s*$`)

// Parse reads a threshold on one of the metrics given.
func Parse(text string, metrics map[string]Kind) (Threshold, error) {
	found := form.FindStringSubmatch(text)
	if found == nil {
		return Threshold{}, fmt.Errorf("%q is not METRIC:AGGREGATION OPERATOR NUMBER, such as 'freshness_raw_ms:p(99)<1000'", text)
	}
	t := Threshold{Text: text, Metric: found[1], Aggregation: found[2], Operator: found[3]}
	kind, known := metrics[t.Metric]
	if !known {
		return t, fmt.Errorf("%q: there is no metric %s, only %s", text, t.Metric, strings.Join(sorted(metrics), ", "))
	}
	if n, ok := strings.CutPrefix(t.Aggregation, "p("); ok {
		p, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(n, ")")), 64)
		if err != nil || !(p >= 0 && p <= 100) {
			return t, fmt.Errorf("%q: %s is not a percentile from p(0) to p(100)", text, t.Aggregation)
		}
		t.Aggregation, t.Percentile = "p(N)", p
	}
	if !slices.Contains(aggregations[kind], t.Aggregation) {
		return t, fmt.Errorf("%q: %s is a %s, which has %s, not %s", text, t.Metric, kind, strings.Join(aggregations[kind], ", "), t.Aggregation)
	}
	number, err := strconv.ParseFloat(found[4], 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return t, fmt.Errorf("%q: %q is not a number; it has no unit", text, found[4])
	}
	t.Number = number
	return t, nil
}

func sorted(metrics map[string]Kind) []string {
	var names []string
	for name := range metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Holds reports whether a value fulfills the condition.
func (t Threshold) Holds(value float64) bool {
	switch t.Operator {
	case ">":
		return value > t.Number
	case ">=":
		return value >= t.Number
	case "<":
		return value < t.Number
	case "<=":
		return value <= t.Number
	case "!=":
		return value != t.Number
	}
	return value == t.Number
}
