package cli

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"tidemark/consumers/deadletter"
	"tidemark/producers"
	"tidemark/producers/load/report"
	scenariofile "tidemark/schemas/scenario"
	usagev1 "tidemark/schemas/usage/v1"
)

// letterShownJSON is the result of 'tidemark deadletters show'.
type letterShownJSON struct {
	Coordinate string    `json:"coordinate"`
	LastOffset int64     `json:"last_offset"` // Beyond the coordinate's for a batch that cannot be read.
	Reason     string    `json:"reason"`
	Field      string    `json:"field"`
	Detail     string    `json:"detail"`
	Run        string    `json:"run"`
	Time       time.Time `json:"record_time"`
	Written    time.Time `json:"written_at"`
	Key        []byte    `json:"key_base64"`
	KeySize    int       `json:"key_bytes"`
	Value      []byte    `json:"value_base64"` // What is kept of it.
	Size       int       `json:"value_bytes"`
	Kept       int       `json:"value_bytes_kept"`
	SHA256     string    `json:"value_sha256,omitempty"` // Of the whole value; absent if it is not known.
}

func letterShownOutput(letter *usagev1.DeadLetter) letterShownJSON {
	_, end := deadletter.Extent(letter)
	return letterShownJSON{
		Coordinate: deadletter.CoordinateOf(letter).String(), LastOffset: end - 1, Reason: letter.GetReason(), Field: letter.GetField(), Detail: letter.GetDetail(), Run: letter.GetRun(),
		Time: time.UnixMilli(letter.GetTimestampMs()).UTC(), Written: time.UnixMicro(letter.GetWrittenUs()).UTC(),
		Key: listJSON(letter.GetKey()), KeySize: max(int(min(letter.GetKeyLength(), 1<<62)), len(letter.GetKey())),
		Value: listJSON(letter.GetValue()), Size: deadletter.Length(letter), Kept: len(letter.GetValue()), SHA256: hex.EncodeToString(sumOf(letter)),
	}
}

// scenarioShownJSON is the result of 'tidemark scenarios show'.
type scenarioShownJSON struct {
	Name         string            `json:"scenario"`
	Title        string            `json:"title"`
	Description  string            `json:"description"`
	Records      uint64            `json:"records"`
	First        string            `json:"first_day"`
	Last         string            `json:"last_day"`
	Seed         uint64            `json:"seed"`
	Types        []producedJSON    `json:"types"`
	Streams      []streamJSON      `json:"streams"`
	Expectations []expectedJSON    `json:"expectations"`
	Sources      []scenarioRefJSON `json:"sources"`
}

type streamJSON struct {
	ID     string      `json:"stream"`
	Type   string      `json:"type"`
	Unit   string      `json:"unit"`
	Points []pointJSON `json:"points"`
}

type pointJSON struct {
	At     string  `json:"at"`
	Value  float64 `json:"value"`
	Source string  `json:"source"`
}

type expectedJSON struct {
	ID        string  `json:"expectation"`
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Class     string  `json:"class"`
	Expected  float64 `json:"expected"`
	Tolerance float64 `json:"tolerance"`
	SQL       string  `json:"sql"`
	Source    string  `json:"source"`
}

type scenarioRefJSON struct {
	ID         string                  `json:"source"`
	Confidence scenariofile.Confidence `json:"confidence"`
	License    string                  `json:"license"`
	Name       string                  `json:"name"`
	Where      string                  `json:"where"`
}

func scenarioShownOutput(one *scenariofile.Scenario, truth *producers.Truth) scenarioShownJSON {
	run, total := runOutput(truth, 0), truth.Total()
	out := scenarioShownJSON{
		one.ID, one.Title, one.Description, run.Records, date(total.FirstTime), date(total.LastTime), one.Seed, run.Types, []streamJSON{}, []expectedJSON{}, []scenarioRefJSON{},
	}
	for _, st := range one.Streams {
		stream := streamJSON{st.ID, st.Type, st.Curve.Unit, []pointJSON{}}
		for _, p := range st.Curve.Points {
			stream.Points = append(stream.Points, pointJSON{p.At.Text, p.Value, p.Source})
		}
		out.Streams = append(out.Streams, stream)
	}
	for _, e := range one.Expectations {
		out.Expectations = append(out.Expectations, expectedJSON{e.ID, e.What, e.Unit, e.Class, e.Expected, e.Tolerance, e.SQL, e.Source})
	}
	for _, name := range slices.Sorted(maps.Keys(one.Sources)) {
		source := one.Sources[name]
		out.Sources = append(out.Sources, scenarioRefJSON{name, source.Confidence, source.License, source.Name, source.Where()})
	}
	return out
}

// comparisonsJSON is the result of 'tidemark load report'.
type comparisonsJSON struct {
	Page        string               `json:"page,omitempty"` // The file of --out.
	Comparisons []loadComparisonJSON `json:"comparisons"`
}

type loadComparisonJSON struct {
	Old     string       `json:"old"`
	New     string       `json:"new"`
	Method  string       `json:"method"`
	Differs []string     `json:"settings_that_differ"`
	Notes   []string     `json:"notes"`
	Figures []figureJSON `json:"figures"`
}

type figureJSON struct {
	Figure string        `json:"figure"`
	Unit   string        `json:"unit"`
	Old    *float64      `json:"old"` // Null: not measured.
	New    *float64      `json:"new"`
	P      *float64      `json:"p_value"` // Null: there was no test.
	Result report.Result `json:"result"`
}

func comparedOutput(c report.Comparison) loadComparisonJSON {
	out := loadComparisonJSON{c.Old, c.New, c.Method, listJSON(c.Differs), listJSON(c.Notes), []figureJSON{}}
	for _, f := range c.Figures {
		out.Figures = append(out.Figures, figureJSON{f.Name, f.Unit, f.Old, f.New, f.P, f.Result})
	}
	return out
}
