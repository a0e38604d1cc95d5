package report

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"tidemark/producers/load"
)

// ticksPerHalf is how many lines a spectrum has from one halving of what is above to the next: HdrHistogram's default.
const ticksPerHalf = 5

// quantile is a point of a latency distribution.
type quantile struct {
	Level float64 // The share of the events, from 0 to 1.
	MS    float64 // What that share does not exceed.
	Count uint64  // How many events do not exceed it.
}

// spectrum returns the points of a distribution: the closer to 1, the denser. They are those of HdrHistogram's percentile
// iterator. most is the exact maximum in milliseconds.
func spectrum(buckets []load.Bucket, most float64) []quantile {
	var total, seen uint64
	for _, b := range buckets {
		total += b[1]
	}
	var found []quantile
	level := 0.0 // Percent.
	for _, b := range buckets {
		seen += b[1]
		value := math.Min(float64(b[0])/1000, most)
		for reached := 100 * float64(seen) / float64(total); level < 100 && reached >= level; {
			found = append(found, quantile{level / 100, value, seen})
			level += 100 / (ticksPerHalf * math.Exp2(math.Floor(math.Log2(100/(100-level)))+1))
			if seen == total {
				level = 100
			}
		}
	}
	if total > 0 {
		found = append(found, quantile{1, most, total})
	}
	return found
}

// WriteSpectrum writes the latencies of a stage in the form that HdrHistogram's tools write and its plotters read: in
// milliseconds, with the footer that is part of the form.
func WriteSpectrum(w io.Writer, s *load.Summary, stage load.Stage) error {
	buckets, latency := s.Histograms[stage.String()], s.Latency[stage.String()]
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	var total uint64
	for _, q := range spectrum(buckets, math.Max(latency.MaxMS, 0)) {
		total = q.Count
		inverse := "inf"
		if q.Level < 1 {
			inverse = fmt.Sprintf("%.2f", 1/(1-q.Level))
		}
		fmt.Fprintf(out, "%12.3f %14.12f %10d %14s\n", q.MS, q.Level, q.Count, inverse)
	}
	squares := 0.0
	for _, b := range buckets {
		off := b.MiddleUS()/1000 - latency.MeanMS
		squares += off * off * float64(b[1])
	}
	fmt.Fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", latency.MeanMS, math.Sqrt(squares/math.Max(float64(total), 1)))
	fmt.Fprintf(out, "#[Max     = %12.3f, Total count    = %12d]\n", latency.MaxMS, total)
	fmt.Fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", load.PowersOfTwo, load.SubBuckets)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the percentiles: %w", err)
	}
	return nil
}
