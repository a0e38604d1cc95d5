package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"tidemark/producers/load"
)

// WriteCSV writes a row per second of each run, with a header that has the units. What was not measured is empty. The
// roles are those that a sample of any run has.
func WriteCSV(w io.Writer, runs []*load.Summary) error {
	roles := rolesOf(runs)
	out := csv.NewWriter(w)
	header := []string{
		"run", "phase", "at_s", "due_events", "sent_events", "acknowledged_events", "stored_events", "queryable_raw_events", "queryable_rollup_events",
		"lag_events", "active_parts_max", "merges_running",
	}
	for _, role := range roles {
		header = append(header, role+"_cpu_s", role+"_resident_bytes")
	}
	if err := out.Write(header); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	for _, run := range runs {
		for _, s := range run.Series {
			if err := out.Write(csvRow(run, s, roles)); err != nil {
				return fmt.Errorf("write CSV: %w", err)
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func csvRow(run *load.Summary, s load.Sample, roles []string) []string {
	count := func(n uint64, measured bool) string {
		if !measured {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	row := []string{
		run.Run, phaseAt(run, s.AtS), fixed(s.AtS), count(s.Due, s.Due > 0), count(s.Sent, true), count(s.Acknowledged, true), count(s.Stored, true),
		count(s.Raw, true), count(s.Rollup, true), fixed(s.Lag), count(s.Parts, s.Parts > 0), count(s.Merges, s.Parts > 0),
	}
	for _, role := range roles {
		i := slices.IndexFunc(s.Processes, func(p load.ProcessSample) bool { return p.Role == role })
		if i < 0 {
			row = append(row, "", "")
			continue
		}
		row = append(row, fixed(s.Processes[i].CPUS), count(s.Processes[i].Resident, true))
	}
	return row
}

// fixed writes a number with three digits after the point.
func fixed(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }

// phaseAt returns in which phase a sample is.
func phaseAt(run *load.Summary, at float64) string {
	switch {
	case at <= run.Config.WarmupS:
		return "warm-up"
	case at <= run.Config.WarmupS+run.Config.DurationS:
		return "measure"
	}
	return "drain"
}

// rolesOf returns the roles that have samples, in the order in which they come first.
func rolesOf(runs []*load.Summary) []string {
	var roles []string
	for _, run := range runs {
		for _, s := range run.Series {
			for _, p := range s.Processes {
				if !slices.Contains(roles, p.Role) {
					roles = append(roles, p.Role)
				}
			}
		}
	}
	return roles
}
