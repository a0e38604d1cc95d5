package verdict

import "fmt"

// Bounds of the checks of the database.
const (
	// defaultPartsToDelay is ClickHouse's, where the database does not tell.
	defaultPartsToDelay = 1000
	// partsFloor is the share of what makes the database delay inserts up to which active parts may grow: merges begin when
	// there is something to merge.
	partsFloor = 0.1
	// insertWait is from which share of the time on that a worker waits for inserts, these are what it does most.
	insertWait = 0.5
)

// partsTrend checks that merges keep up with inserts. Parts that grow make inserts slow only after minutes, so a rate may
// pass every other check that it does not sustain.
func partsTrend(in Input) Check {
	const name = "parts_trend"
	if in.Delayed > 0 {
		return check(name, false, "the database delayed %d inserts, since a partition had too many parts", in.Delayed)
	}
	var half []Point
	if n := len(in.Parts); n > 0 {
		middle := (in.Parts[0].At + in.Parts[n-1].At) / 2
		for _, p := range in.Parts {
			if p.At >= middle {
				half = append(half, p)
			}
		}
	}
	slope, low, ok := Trend(half)
	if !ok || in.Interrupted {
		return Check{Name: name, State: Unsure, Detail: fmt.Sprintf("%d samples of the active parts in the second half are too few", len(half))}
	}
	delay := float64(in.PartsToDelay)
	if delay == 0 {
		delay = defaultPartsToDelay
	}
	end := half[len(half)-1].Value
	return check(name, low <= 0 || end <= partsFloor*delay,
		"in the second half the active parts of the fullest partition grow by %.2f/s, for sure by %.2f, and are %.0f at the end (may grow up to %.0f; inserts are delayed at %.0f); no insert was delayed",
		slope, max(low, 0), end, partsFloor*delay, delay)
}

// storing tells which part of storing events was the limit.
func storing(in Input, failed map[string]bool) Limit {
	switch {
	case failed["parts_trend"]:
		return Merges
	case in.Inserts != nil && *in.Inserts >= insertWait:
		return Insert
	}
	return Ingest
}

// evidence says by what storing was told to be the limit.
func evidence(in Input, limit Limit) string {
	if limit != Merges && limit != Insert && limit != Ingest {
		return ""
	}
	text := ""
	if in.Inserts != nil {
		text += fmt.Sprintf("; the busiest partition waited for inserts %.0f %% of the time (%s from %.0f %% on)", 100**in.Inserts, Insert, 100*insertWait)
	}
	if in.IngestCores != nil {
		text += fmt.Sprintf("; ingest used %.2f cores", *in.IngestCores)
	}
	return text
}
