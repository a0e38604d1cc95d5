package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"tidemark/producers/load"
	"tidemark/producers/load/report"
)

// printLoad prints the summary of a load test: the checks first, the figures second.
func printLoad(w io.Writer, s load.Summary) error {
	fmt.Fprintf(w, "verdict: %s", s.Verdict.Outcome)
	if s.Verdict.Limit != "" {
		fmt.Fprintf(w, ", %s", report.LimitText(&s))
	}
	if s.Verdict.Reason != "" {
		fmt.Fprintf(w, " (%s)", s.Verdict.Reason)
	}
	fmt.Fprintf(w, "\nrun %s, namespace %s, %s arrivals\n\n", s.Run, s.Namespace, s.Config.Arrival)
	for _, c := range s.Verdict.Checks {
		fmt.Fprintf(w, "%-12s %-16s %s\n", c.State, c.Name, c.Detail)
	}
	rate := number(uint64(s.Config.Rate))
	if len(s.Config.Steps) > 0 {
		rate = fmt.Sprintf("up to %s events/s, %s", number(uint64(s.Config.Highest)), rate)
	}
	fmt.Fprintf(w, "\nasked for %s events/s for %gs after %gs of warm-up; %s due, %s of them sent\n",
		rate, s.Config.DurationS, s.Config.WarmupS, count(s.Events.Offered, "event was"), number(s.Events.Sent))
	if b := s.Breaking; b != nil {
		fmt.Fprintf(w, "breaks %.0fs after the start, at %s events/s: from then on events came too late to %s\n", b.AtS, number(uint64(b.Rate)), b.Stage)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "from the time the event was due, ms\tevents\tevents/s\tp50\tp90\tp99\tp99.9\tmax\t")
	for _, at := range report.Stages {
		l, rate := s.Latency[at.Stage.String()], "-"
		if r, ok := s.Rates[at.Stage.String()]; ok {
			rate = number(uint64(r + 0.5))
		}
		if l.Count == 0 {
			fmt.Fprintf(table, "%s\t0\t%s\t-\t-\t-\t-\t-\t\n", at.Label, rate)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", at.Label, number(l.Count), rate, l.P50MS, l.P90MS, l.P99MS, l.P999MS, l.MaxMS)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	printUse(w, s)
	fmt.Fprintf(w, "polls of the database: every %.0f ms (p99 %.0f ms), %d without an answer; batches sent again: %s\n",
		s.Poll.AskedMS, s.Poll.P99MS, s.Poll.Errors, number(s.Events.Retries))
	fmt.Fprintf(w, "audit: %s\n", s.Audit)
	for _, t := range s.Thresholds {
		state, value := "failed", "not measured"
		if t.OK {
			state = "ok"
		}
		if t.Value != nil {
			value = strconv.FormatFloat(*t.Value, 'f', -1, 64)
		}
		fmt.Fprintf(w, "threshold: %-6s %s (%s)\n", state, t.Text, value)
	}
	for _, note := range s.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	return nil
}

// printUse prints the lag, and what an event costs, as far as that was measured.
func printUse(w io.Writer, s load.Summary) {
	if s.Lag != nil {
		fmt.Fprintf(w, "lag: grows by %.1f events/s, %s at the end; drained in %.2f s\n", s.Lag.Slope, count(uint64(s.Lag.End), "event"), s.DrainS)
	}
	for _, r := range s.Resources {
		fmt.Fprintf(w, "%s: %.2f us of CPU per event, %.2f cores, at most %s of memory\n", r.Role, r.CPUPerEventUS, r.Cores, size(r.ResidentMax))
	}
	var sizes []string
	if b := s.LogBytesPerEvent; b != nil {
		sizes = append(sizes, fmt.Sprintf("%.1f in the log", *b))
	}
	if b := s.DiskBytesPerEvent; b != nil {
		sizes = append(sizes, fmt.Sprintf("%.1f in the database", *b))
	}
	if len(sizes) > 0 {
		fmt.Fprintf(w, "bytes per event: %s\n", strings.Join(sizes, ", "))
	}
}
