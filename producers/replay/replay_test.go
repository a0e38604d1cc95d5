package replay

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tidemark/internal/test/env"
	stacktest "tidemark/internal/test/stack"
	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

// start is the zero of relative traces in tests.
var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// TestGolden compares the events and the problems of files with every kind of trouble.
func TestGolden(t *testing.T) {
	for _, tt := range []struct{ golden, format, name, mapping string }{
		{"azure-llm", "azure-llm", "azure-llm.csv", ""},
		{"mooncake", "mooncake", "mooncake.jsonl", ""},
		{"agentic", "agentic", "agentic.csv", ""},
		{"burstgpt", "burstgpt", "burstgpt.csv", ""},
		{"cloudevents", "cloudevents", "cloudevents.jsonl", ""},
		{"mapped", "csv", "mapped.csv", "mapped.yaml"},
		{"mapped-jsonl", "jsonl", "mapped.jsonl", "mapped-jsonl.yaml"},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			t.Chdir("testdata")
			o := options(tt.format, tt.name)
			if tt.mapping != "" {
				o.Mapping = readMapping(t, tt.mapping)
			}
			var got strings.Builder
			var problems []Problem
			o.Hooks.Problem = func(p Problem) {
				problems = append(problems, p)
				fmt.Fprintln(&got, p)
			}
			log, result := replayed(t, o)
			for _, e := range log.all {
				switch tt.golden {
				case "azure-llm", "mooncake", "agentic":
					fmt.Fprintln(&got, show(e.(*usagev1.TokenCall))) //nolint:errcheck // They are.
				default:
					fmt.Fprintln(&got, showAll(e))
				}
			}
			fmt.Fprintf(&got, "%d rows, %d sent, %d skipped, %s to %s\n", result.Rows, result.Sent, result.Skipped,
				result.First.Format(time.RFC3339Nano), result.Last.Format(time.RFC3339Nano))
			if !slices.Equal(result.Problems, problems[:min(len(problems), keptProblems)]) || int(result.Skipped) != len(problems) {
				t.Errorf("the result has %d problems of %d, told %d", len(result.Problems), result.Skipped, len(problems))
			}
			if result.Rows != result.Sent+result.Skipped {
				t.Errorf("%d rows, but %d sent and %d skipped", result.Rows, result.Sent, result.Skipped)
			}
			golden := tt.golden + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(read(t, golden)); got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// TestRealTraces replays whole published traces and checks their sums.
func TestRealTraces(t *testing.T) {
	for _, tt := range []struct {
		format, file          string
		rows, inputs, outputs uint64
	}{
		{"azure-llm", "azure-llm-2023/AzureLLMInferenceTrace_conv.csv", 19366, 22361870, 4088665},
		{"mooncake", "mooncake-fast25/synthetic_trace.jsonl.gz", 3993, 61194628, 595432},
		{"agentic", "agentic-coding-traces/agentic_requests.csv.gz", 65584 - 19366, 5489765859 - 22361870, 24428085 - 4088665},
	} {
		t.Run(tt.format, func(t *testing.T) {
			log, result := replayed(t, options(tt.format, env.Data(t, tt.file)))
			if result.Skipped != 0 || result.Rows != int64(tt.rows) || result.Sent != int64(tt.rows) || result.Interrupted {
				t.Errorf("got %+v", result)
			}
			truth := result.Truth.Of(schemas.TokenCallType)
			if truth.Events != tt.rows || truth.InputTokens.Low != tt.inputs || truth.OutputTokens.Low != tt.outputs {
				t.Errorf("got %d events, %s and %s tokens; want %d, %d and %d", truth.Events, truth.InputTokens, truth.OutputTokens,
					tt.rows, tt.inputs, tt.outputs)
			}
			ids := map[string]bool{}
			var inputs, outputs uint64
			for _, c := range log.calls {
				ids[c.Id] = true
				inputs += c.GetInputUncached() + c.GetInputCacheRead()
				outputs += c.GetOutputVisible()
			}
			if uint64(len(ids)) != tt.rows || inputs != tt.inputs || outputs != tt.outputs {
				t.Errorf("the log has %d ids, %d and %d tokens", len(ids), inputs, outputs)
			}
			if len(log.runs) != 1 || log.runs[0].Kind != "replay" || log.runs[0].Run != "test" || log.runs[0].Events != tt.rows {
				t.Errorf("the log has the runs %v", log.runs)
			}
		})
	}
}

// identities are what decides whether a replay counts again.
func identities(m *memory) []string {
	out := make([]string, len(m.calls))
	for i, c := range m.calls {
		out[i] = fmt.Sprintf("%s %s %s %d", c.Tenant, c.Source, c.Id, c.GetTimeUs())
	}
	return out
}

// TestSameEvents replays the same rows in many wrappings.
func TestSameEvents(t *testing.T) {
	for format, name := range map[string]string{"azure-llm": "azure-llm.csv", "mooncake": "mooncake.jsonl", "agentic": "agentic.csv"} {
		t.Run(format, func(t *testing.T) {
			lf := bytes.ReplaceAll(read(t, filepath.Join("testdata", name)), []byte("\r\n"), []byte("\n"))
			first, _ := replayed(t, options(format, write(t, "lf", lf)))
			want := identities(first)
			if len(want) < 4 {
				t.Fatalf("only %d events", len(want))
			}
			crlf := bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))
			half := len(lf) / 2
			wrapped := map[string]func(o *Options){
				"crlf": func(o *Options) { o.Files[0] = write(t, "crlf", crlf) },
				"gzip": func(o *Options) { o.Files[0] = write(t, "a.csv", zipped(t, lf)) },
				"gzip in parts": func(o *Options) {
					o.Files[0] = write(t, "a", slices.Concat(zipped(t, lf[:half]), zipped(t, lf[half:])))
				},
				"mark": func(o *Options) {
					o.Files[0] = write(t, "mark", slices.Concat([]byte("\ufeff"), bytes.TrimPrefix(crlf, []byte("\ufeff"))))
				},
				"no final end":  func(o *Options) { o.Files[0] = write(t, "end", bytes.TrimRight(lf, "\n")) },
				"blank lines":   func(o *Options) { o.Files[0] = write(t, "blank", append(lf[:len(lf):len(lf)], "\n\r\n\n"...)) },
				"stdin":         func(o *Options) { o.Files[0], o.Stdin = Stdin, iotest.OneByteReader(bytes.NewReader(lf)) },
				"gzip on stdin": func(o *Options) { o.Files[0], o.Stdin = Stdin, bytes.NewReader(zipped(t, crlf)) },
				"run":           func(o *Options) { o.Run = "another" },
				"product":       func(o *Options) { o.Product = "another" },
			}
			for kind, change := range wrapped {
				o := options(format, filepath.Join("testdata", name))
				change(&o)
				if again, _ := replayed(t, o); !slices.Equal(identities(again), want) {
					t.Errorf("%s: got\n%s\nwant\n%s", kind, strings.Join(identities(again), "\n"), strings.Join(want, "\n"))
				}
			}
			if formats.Named(format).NeedsStart {
				o := options(format, filepath.Join("testdata", name))
				o.Start = start.Add(time.Microsecond)
				again, _ := replayed(t, o)
				for i, c := range again.calls {
					if c.Id == first.calls[i].Id || c.GetTimeUs() != first.calls[i].GetTimeUs()+1 {
						t.Errorf("with another start: %s", show(c))
					}
				}
			}
		})
	}
}

func TestColumnsInAnyOrder(t *testing.T) {
	a := write(t, "a", []byte("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,1,2\n2024-05-10 00:00:00,1,2\n"))
	b := write(t, "b", []byte(" GeneratedTokens , region,TIMESTAMP,ContextTokens\n2,x,2024-05-10 00:00:00,1\n2,y,2024-05-10 00:00:00,1\n"))
	one, _ := replayed(t, options("azure-llm", a))
	two, _ := replayed(t, options("azure-llm", b))
	if got, want := identities(two), identities(one); !slices.Equal(got, want) || len(want) != 2 || want[0] == want[1] {
		t.Errorf("got %q, want %q", got, want)
	}
	both, _ := replayed(t, options("azure-llm", a, b))
	if got, want := identities(both), slices.Concat(identities(one), identities(two)); !slices.Equal(got, want) {
		t.Errorf("both files: got %q, want %q", got, want)
	}
}

// TestRepeatsInFiles checks that repeats and other events of one identity are told from events where files may have some.
func TestRepeatsInFiles(t *testing.T) {
	f := func(o Options, want producers.Counts) {
		t.Helper()
		log, result := replayed(t, o)
		got := result.Truth.Total()
		if got.Produced != want.Produced || got.Events != want.Events || got.Duplicates != want.Duplicates || got.Conflicts != want.Conflicts {
			t.Errorf("%s %v: got %+v, want %+v", o.Format, o.Files, got, want)
		}
		if len(log.all) != int(want.Produced) || len(log.runs) == 0 || result.Unreported || result.Skipped > 0 {
			t.Errorf("%s %v: %d events came, %+v", o.Format, o.Files, len(log.all), result)
		}
	}
	a, b := at(t, 1, 1, 3), at(t, 1, 4, 3)
	f(options("azure-llm", a), producers.Counts{Produced: 3, Events: 3})
	f(options("azure-llm", a, b), producers.Counts{Produced: 6, Events: 4, Duplicates: 2}) // Rows 1 and 3 of both are one.
	f(options("azure-llm", a, a), producers.Counts{Produced: 6, Events: 3, Duplicates: 3})

	event := func(id, typ, second string) string {
		return `{"specversion":"1.0","type":"` + typ + `","source":"s","id":"` + id + `","time":"2024-05-10T00:00:0` + second + `Z","tenant":"t","product":"p","data":{}}` + "\n"
	}
	cloud := write(t, "c", []byte(event("1", "query", "1")+event("1", "query", "1")+event("1", "query", "2")+event("1", "signup", "1")+event("2", "query", "1")))
	f(options("cloudevents", cloud), producers.Counts{Produced: 5, Events: 3, Duplicates: 1, Conflicts: 1})

	m, err := mapping.Parse("m.yaml", []byte("source: s\ntype: queries\ntime: {column: at, format: unix_s}\nid: n\nfields: {tenant: {constant: t}, product: {constant: p}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	o := options("csv", write(t, "m", []byte("at,n\n1,a\n1,a\n2,a\n2,b\n")))
	o.Mapping = m
	f(o, producers.Counts{Produced: 2, Events: 2}) // The rows of one id say the same.
}

const header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"

// TestDamage reads files that end badly or hold rows too long.
func TestDamage(t *testing.T) {
	var many strings.Builder
	many.WriteString(header)
	for i := range 20000 {
		fmt.Fprintf(&many, "2024-05-10 00:00:00.%06d,%d,%d\n", i, i*7919%1000, i*104729%1000)
	}
	whole := zipped(t, []byte(many.String()))
	row := func(s int) string { return fmt.Sprintf("2024-05-10 00:00:%02d,1,1\n", s) }
	long := strings.Repeat("x", 16<<20)
	for _, tt := range []struct {
		name, format string
		data         []byte
		sent         func(n int64) bool
		problem      string
	}{
		{"cut gzip", "azure-llm", whole[:len(whole)/2], func(n int64) bool { return n > 5000 && n < 15000 }, "the gzip data is damaged or cut off, and the rest of the file lost: unexpected EOF"},
		{"cut header of gzip", "azure-llm", whole[:5], nil, "f:1: the gzip data is damaged or cut off, and the rest of the file lost: unexpected EOF"},
		{"checksum", "azure-llm", append(whole[:len(whole)-8:len(whole)-8], 1, 2, 3, 4, 5, 6, 7, 8), func(n int64) bool { return n == 20000 }, "f:20002: the gzip data is damaged or cut off, and the rest of the file lost: gzip: invalid checksum"},
		{"long line", "azure-llm", []byte(header + row(1) + long + "x\n" + row(2)), func(n int64) bool { return n == 2 }, "f:3:1: the line is longer than 16 MiB"},
		{"long last line", "azure-llm", []byte(header + row(1) + long + "x"), func(n int64) bool { return n == 1 }, "f:3:1: the line is longer than 16 MiB"},
		{"long row", "azure-llm", []byte(header + "\"\n" + strings.Repeat("\n", 100) + strings.Repeat(strings.Repeat(" ", 1<<20)+"\n", 17) + row(2)), func(n int64) bool { return n == 1 }, "f:2:1: a quoted field does not end in its line, and the row is longer than 16 MiB"},
		{"long line in row", "azure-llm", []byte(header + "\"\n" + row(1) + long + "x\n" + row(2) + "x,1,1\n"), nil, "f:2:1: a quoted field does not end in its line, and the row is longer than 16 MiB\nf:6:1: TIMESTAMP \"x\" is not a time like 2023-11-16 18:15:46.6805900"},
		{"long JSON", "mooncake", []byte(long + "x\n" + `{"timestamp":1,"input_length":1,"output_length":1}`), func(n int64) bool { return n == 1 }, "f:1:1: the line is longer than 16 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(filepath.Dir(write(t, "f", tt.data)))
			_, result := replayed(t, options(tt.format, "f"))
			texts := make([]string, len(result.Problems))
			for i, p := range result.Problems {
				texts[i] = p.String()
			}
			got := strings.Join(texts, "\n")
			if !strings.HasSuffix(got, tt.problem) || int(result.Skipped) != strings.Count(tt.problem, "\n")+1 || result.Interrupted {
				t.Errorf("%d problems:\n%s\nwant\n%s", result.Skipped, got, tt.problem)
			}
			if tt.sent != nil && !tt.sent(result.Sent) {
				t.Errorf("%d events sent", result.Sent)
			}
		})
	}
}

// TestErrors has what ends a replay before anything is sent.
func TestErrors(t *testing.T) {
	good := write(t, "good", []byte(header+"2024-05-10 00:00:00,1,2\n"))
	for _, tt := range []struct {
		name   string
		change func(o *Options)
		want   string
	}{
		{"format", func(o *Options) { o.Format = "xml" }, `format: "xml" is not one of ` + formats.Names()},
		{"no mapping", func(o *Options) { o.Format = "csv" }, "mapping: required, since csv says nothing about its columns"},
		{"useless mapping", func(o *Options) { o.Mapping = readMapping(t, "testdata/mapped.yaml") }, "mapping: not for azure-llm, whose columns are known"},
		{"column of a mapping", func(o *Options) { o.Format, o.Mapping = "csv", readMapping(t, "testdata/mapped.yaml") }, "replay csv: read F: line 1: there is no column account, which testdata/mapped.yaml:17 names; the columns are TIMESTAMP, ContextTokens, GeneratedTokens"},
		{"rate", func(o *Options) { o.Rate = -1 }, "rate: -1 is not a positive number of events a second"},
		{"limit", func(o *Options) { o.Limit = -1 }, "limit: -1 is negative"},
		{"range", func(o *Options) { o.From, o.To = start, start }, "from and to: 2026-03-02T00:00:00Z is not before 2026-03-02T00:00:00Z"},
		{"files of a topic", func(o *Options) { o.Topic = &Topic{Name: "x"} }, "files: this source reads none"},
		{"not opened", func(o *Options) { o.Topic, o.Files = &Topic{Name: "x"}, nil }, "replay: the source was not opened"},
		{"offsets", func(o *Options) { o.Topic, o.Files = &Topic{FromOffset: 5, ToOffset: 5}, nil }, "from-offset and to-offset: 5 is not before 5"},
		{"topic of runs", func(o *Options) { o.Topic, o.Files = &Topic{Name: "x", Type: schemas.RunType}, nil }, "topic x: reports about runs are no usage; replay the topics of the events"},
		{"table of runs", func(o *Options) { o.Table, o.Files = &Table{Namespace: "x", Type: schemas.RunType}, nil }, "table: reports about runs are no usage; replay the tables of the events"},
		{"namespace", func(o *Options) { o.Table, o.Files = &Table{Namespace: "X"}, nil }, `table: namespace "X" is not a lower-case letter followed by lower-case letters, digits and underscores`},
		{"start", func(o *Options) { o.Format = "mooncake" }, "start: required, since mooncake has only relative times"},
		{"useless start", func(o *Options) { o.Start = start }, "start: not for azure-llm, whose rows carry their time"},
		{"early start", func(o *Options) { o.Format, o.Start = "agentic", time.Unix(-1e11, 0) }, "start: -1199-02-15T14:13:20Z is not within the years 1900 to 2299"},
		{"speed", func(o *Options) { o.Speed = -1 }, "speed: -1 is not a positive number"},
		{"no files", func(o *Options) { o.Files = nil }, "files: none given; - is standard input"},
		{"stdin twice", func(o *Options) { o.Files = []string{"-", "-"} }, "files: standard input can be read only once"},
		{"no stdin", func(o *Options) { o.Files = []string{"-"} }, "read standard input: there is none"},
		{"tenant", func(o *Options) { o.Tenant = "a\nb" }, `tenant has a control character: "a\nb"`},
		{"missing file", func(o *Options) { o.Files = []string{good, "no/such"} }, "find the trace: stat no/such: no such file or directory"},
		{"folder", func(o *Options) { o.Files = []string{good, "testdata"} }, "find the trace: testdata is a folder"},
		{"column", func(o *Options) { o.Files[0] = write(t, "f", []byte("\n\nTIMESTAMP,GeneratedTokens\n")) }, "replay azure-llm: read F: line 3: there is no column ContextTokens"},
		{"column twice", func(o *Options) { o.Files[0] = write(t, "f", []byte("TIMESTAMP,"+header)) }, "replay azure-llm: read F: line 1: the column TIMESTAMP is there twice"},
		{"empty", func(o *Options) { o.Files[0] = write(t, "f", nil) }, "replay azure-llm: read F: the file is empty; it should begin with the names of the columns"},
		{"stdin fails", func(o *Options) { o.Files[0], o.Stdin = "-", failing{} }, "replay azure-llm: read standard input: broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options("azure-llm", good)
			tt.change(&o)
			log := &memory{}
			_, err := Run(t.Context(), &producers.Sender{Log: log}, o)
			got := fmt.Sprint(err)
			if len(o.Files) > 0 {
				got = strings.ReplaceAll(got, o.Files[0]+":", "F:")
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if len(log.calls)+len(log.runs) > 0 {
				t.Error("something was sent")
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

// TestPace checks when events come, at a tenth of the recorded time, with one that is recorded late.
func TestPace(t *testing.T) {
	file := write(t, "f", []byte(header+"2024-05-10 00:00:00,1,1\n2024-05-10 00:01:00,2,1\n2024-05-10 00:00:30,3,1\n2024-05-10 00:02:00,4,1\n"))
	synctest.Test(t, func(t *testing.T) {
		o := options("azure-llm", file)
		o.Speed = 10
		var last Progress
		o.Hooks.Progress = func(p Progress) { last = p }
		log, result := replayed(t, o)
		for i, want := range []time.Duration{0, 3 * time.Second, 6 * time.Second, 12 * time.Second} {
			if got := log.at[i]; got < want || got > want+2*producers.DefaultInterval {
				t.Errorf("event %d came at %v, want %v", i, got, want)
			}
		}
		if want := (Progress{Rows: 4, Sent: 4}); last != want || result.Interrupted {
			t.Errorf("got %+v and %+v", last, result)
		}
		max, _ := replayed(t, options("azure-llm", file))
		if !slices.Equal(inputs(log), []int{1, 3, 2, 4}) || !slices.Equal(inputs(max), []int{1, 2, 3, 4}) || max.at[3] != 0 {
			t.Errorf("as fast as possible: %q at %v", identities(max), max.at)
		}
	})
}

// TestInterrupt ends a paced replay, and one whose standard input gives nothing.
func TestInterrupt(t *testing.T) {
	data := header + "2024-05-10 00:00:00,1,1\n2024-05-10 00:01:00,2,1\n2024-05-10 00:02:00,3,1\n"
	file := write(t, "f", []byte(data))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		o := options("azure-llm", file)
		o.Speed = 1
		log := &memory{begin: time.Now()}
		result, err := Run(ctx, &producers.Sender{Log: log}, o)
		if err != nil || !result.Interrupted || result.Sent != 2 || result.Rows != 3 || time.Since(log.begin) != 61*time.Second {
			t.Errorf("got %+v, %v after %v", result, err, time.Since(log.begin))
		}
		if len(log.runs) != 1 || log.runs[0].Events != 2 || log.runs[0].Produced != 2 {
			t.Errorf("the truth is %v", log.runs)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		in, out := io.Pipe()
		defer func() { _ = out.Close() }() // Ends the read left behind; it never fails.
		wrote := make(chan error, 1)
		go func() {
			_, err := io.WriteString(out, data)
			wrote <- err
		}()
		o := options("azure-llm", Stdin)
		o.Stdin = in
		result, err := Run(ctx, &producers.Sender{Log: &memory{}}, o)
		if err != nil || !result.Interrupted || result.Rows != 3 {
			t.Errorf("got %+v, %v", result, err)
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	})
}
