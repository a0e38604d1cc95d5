package board

import (
	"fmt"
	"strings"

	"tidemark/schemas"
)

// The whole buckets of the range, for charts: they have a point for each, whether it has rows or not, see AtEach.

// maxFilled is the most buckets that are filled up. Days are fewer in 50 years, and Grafana asks for fewer intervals. Of more the last
// one alone is: a tile shows it.
const maxFilled = "20000"

// span is times at equal distances, as SQL.
type span struct {
	first string // Seconds since 1970.
	end   string // The same; it is none of them.
	step  string // In seconds, an Int64: modulo a number without a sign, a negative one is another one.
	time  string // Makes a time of seconds, {=}.
}

// at is the time of a number of seconds.
func (s span) at(seconds string) string { return strings.ReplaceAll(s.time, "{=}", seconds) }

// times is an array of the times: of the last alone where they are more than maxFilled.
func (s span) times() string {
	return Fill("arrayMap(s -> {=time}, arrayMap((f, e, w) -> range(if(e - f > {=most} * w, e - w, f), greatest(f, e), w), [{=first}], [{=end}], [{=step}])[1])",
		map[string]string{"time": s.at("s"), "most": maxFilled, "first": s.first, "end": s.end, "step": s.step})
}

// firstFrom is when the first bucket of a length in seconds begins, from a time in milliseconds since 1970 on.
func firstFrom(ms, step string) string {
	return Fill("toInt64(intDiv({=ms} + positiveModulo(-({=ms}), 1000 * {=step}), 1000))", map[string]string{"ms": ms, "step": step})
}

// bucketsOf are the whole buckets of a choice of rollups that begin in the range.
func (c call) bucketsOf() (span, error) {
	relation := c.relation
	if c.argument != "" {
		relation = c.argument
	}
	_, variable, _ := strings.Cut(relation, "?")
	s := span{time: "fromUnixTimestamp64Second({=}, 'UTC')"}
	switch {
	case strings.HasSuffix(relation, "_?"):
		c.relation = relation
		s.step, s.end = "toInt64("+bucketSeconds()+")", "intDiv("+wholeEnd(c.stem())+", 1000)"
	case variable != "":
		// Its last whole bucket begins at a time that is known.
		s.step = Fill("toInt64(if(right('${{=variable}:percentencode}', 2) = '{=day}', {=long}, {=short}))", map[string]string{
			"variable": variable, "day": schemas.EndingDay,
			"long":  fmt.Sprint(schemas.LengthOf(schemas.EndingDay).Seconds()),
			"short": fmt.Sprint(schemas.LengthOf(schemas.EndingHour).Seconds()),
		})
		begins := "assumeNotNull((SELECT toUnixTimestamp64Milli(toDateTime64(max({whole_until}), 3, 'UTC')) FROM {@rollup_progress} WHERE {name} = '" + named(relation) + "'))"
		if strings.HasPrefix(relation, "costs_") {
			begins = "toInt64OrZero('${costs_whole:percentencode}')"
		}
		s.end = "intDiv(least($__to - 1, " + begins + "), 1000 * " + s.step + ") * " + s.step + " + " + s.step
	default:
		return s, fmt.Errorf("%q is no choice of rollups", relation)
	}
	s.first = firstFrom("$__from", s.step)
	return s, nil
}

// buckets is an array of the beginnings of the whole buckets of the relation named last, or of the one given.
func buckets(c call) (string, error) {
	s, err := c.bucketsOf()
	return s.times(), err
}

// intervalsOf are the whole intervals of the panel in the range, or in it from a time on: those of wholeIntervals.
func (c call) intervalsOf() span {
	from := "$__from"
	if c.argument != "" {
		from = "toUnixTimestamp64Milli(" + c.argument + ")"
	}
	const step = "toInt64($__interval_s)"
	return span{
		first: "greatest(" + firstFrom(from, step) + ", 0)", step: step, time: "toDateTime({=}, 'UTC')",
		end: "intDiv(least($__to, toUnixTimestamp64Milli(now64(3))), 1000 * " + step + ") * " + step,
	}
}

// intervalStarts is an array of the beginnings of these intervals.
func intervalStarts(c call) (string, error) { return c.intervalsOf().times(), nil }
