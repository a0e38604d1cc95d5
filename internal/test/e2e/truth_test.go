package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// counts is the truth about one type, in the order in which a producer prints it.
type counts struct {
	produced, events, duplicates, conflicts, poison, input, output uint64
}

// truth is what a producer printed, by type.
type truth map[string]counts

// parseTruth reads the table that generate and replay print.
func parseTruth(t testing.TB, stdout string) truth {
	t.Helper()
	found := truth{}
	reading := false
	for line := range strings.Lines(stdout) {
		fields := strings.Fields(strings.ReplaceAll(line, ",", ""))
		switch {
		case len(fields) > 1 && fields[0] == "type" && fields[1] == "produced":
			reading = true
		case reading && len(fields) == 8:
			var n [7]uint64
			for i := range n {
				n[i] = number(t, fields[i+1])
			}
			found[fields[0]] = counts{n[0], n[1], n[2], n[3], n[4], n[5], n[6]}
		default:
			reading = false
		}
	}
	if len(found) == 0 {
		t.Fatalf("no truth in:\n%s", stdout)
	}
	return found
}

func number(t testing.TB, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// plus adds what another run made; the runs have no event in common.
func (tr truth) plus(other truth) truth {
	sum := maps.Clone(tr)
	for name, o := range other {
		s := sum[name]
		sum[name] = counts{s.produced + o.produced, s.events + o.events, s.duplicates + o.duplicates, s.conflicts + o.conflicts,
			s.poison + o.poison, s.input + o.input, s.output + o.output}
	}
	return sum
}

func (tr truth) produced() uint64 {
	var sum uint64
	for _, c := range tr {
		sum += c.produced
	}
	return sum
}

// generate runs "tidemark generate" and returns the truth it printed.
func (p pipeline) generate(t testing.TB, args ...string) truth {
	t.Helper()
	return parseTruth(t, p.ok(t, slices.Concat([]string{"generate"}, args)...))
}

// account is one row of the ledger.
type account struct {
	topic                               string
	partition                           string // epoch/partition
	from, to                            uint64
	generation                          int64
	stored, duplicates, conflicts, dead uint64
}

// ledger reads the rows of the ledger that count: at each position the one of the highest generation. It also returns
// the contiguous end of every partition. It stops at a hole.
func (p pipeline) ledger(t testing.TB) (rows []account, ends map[[2]string]uint64) {
	t.Helper()
	var all []account
	for _, r := range p.rows(t, "SELECT topic, concat(toString(epoch), '/', toString(partition)), from_offset, to_offset, generation, stored, duplicates, conflicts, dead FROM ledger FINAL") {
		generation, err := strconv.ParseInt(r[4], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, account{topic: r[0], partition: r[1], from: number(t, r[2]), to: number(t, r[3]), generation: generation,
			stored: number(t, r[5]), duplicates: number(t, r[6]), conflicts: number(t, r[7]), dead: number(t, r[8])})
	}
	slices.SortFunc(all, func(a, b account) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition), cmp.Compare(a.from, b.from),
			-cmp.Compare(a.generation, b.generation), -cmp.Compare(a.to, b.to))
	})
	ends = map[[2]string]uint64{}
	for _, a := range all {
		key := [2]string{a.topic, a.partition}
		if a.from == ends[key] && a.to > a.from {
			rows = append(rows, a)
			ends[key] = a.to
		}
	}
	return rows, ends
}

// accounted is the number of offsets that the ledger covers, those of the runs' own reports left out.
func (p pipeline) accounted(t testing.TB) uint64 {
	t.Helper()
	_, ends := p.ledger(t)
	var sum uint64
	for key, end := range ends {
		if key[0] != "runs.v1" {
			sum += end
		}
	}
	return sum
}

// verify holds the ledger, the views and the rollups against the truth.
func (p pipeline) verify(t testing.TB, want truth) {
	t.Helper()
	rows, _ := p.ledger(t)
	got := truth{}
	for _, a := range rows {
		name := strings.TrimSuffix(a.topic, ".v1")
		if name == "runs" {
			continue
		}
		c := got[name]
		c.produced += a.to - a.from
		c.events += a.stored
		c.duplicates += a.duplicates
		c.conflicts += a.conflicts
		c.poison += a.dead
		got[name] = c
	}
	for name, w := range want {
		g := got[name]
		g.input, g.output = w.input, w.output
		if g != w {
			t.Errorf("[%s] the ledger says of %s %+v, want %+v", p.namespace, name, g, w)
		}
		if n := number(t, p.sql(t, "SELECT count() FROM "+name)); n != w.events {
			t.Errorf("[%s] the view %s shows %d events, want %d", p.namespace, name, n, w.events)
		}
	}
	for name := range got {
		if _, known := want[name]; !known {
			t.Errorf("[%s] the ledger has %s, of which nothing was produced", p.namespace, name)
		}
	}
	calls, known := want["token_calls"]
	if !known {
		return
	}
	tokens := fmt.Sprintf("%d,%d", calls.input, calls.output)
	p.sameRow(t, tokens, "SELECT sum(ifNull(input_tokens, 0) * weight), sum(ifNull(output_tokens, 0) * weight) FROM token_calls")
	for _, rollup := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d"} {
		p.sameRow(t, tokens, "SELECT sum(input_tokens), sum(output_tokens) FROM "+rollup)
	}
}

// sameRow compares the one row of an answer.
func (p pipeline) sameRow(t testing.TB, want, statement string) {
	t.Helper()
	if got := strings.Join(p.row(t, statement), ","); got != want {
		t.Errorf("[%s] %s: %s, want %s", p.namespace, statement, got, want)
	}
}

// reported compares the truth with what the runs' own reports say, after they were ingested.
func (p pipeline) reported(t testing.TB, want truth) {
	t.Helper()
	for name, w := range want {
		p.sameRow(t, fmt.Sprintf("%d,%d,%d,%d,%d,%d,%d", w.produced, w.events, w.duplicates, w.conflicts, w.poison, w.input, w.output),
			"SELECT sum(produced), sum(events), sum(duplicates), sum(conflicts), sum(poison), sum(input_tokens), sum(output_tokens) FROM runs WHERE type = '"+name+"'")
	}
}
