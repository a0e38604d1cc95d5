package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/internal/test/env"
	"tidemark/producers"
	"tidemark/schemas"
)

// run runs a replay whose log is of no interest.
func run(t *testing.T, o Options) (Result, error) {
	t.Helper()
	return Run(t.Context(), &producers.Sender{Log: &memory{begin: time.Now()}}, o)
}

// TestPacedOrder sends what is not in order by its time, from every kind of source, in memory and through a file.
func TestPacedOrder(t *testing.T) {
	const count = 300
	random := rand.New(rand.NewPCG(3, 4))
	seconds := random.Perm(count)
	up, down := slices.Sorted(slices.Values(seconds)), slices.Sorted(slices.Values(seconds))
	slices.Reverse(down)
	topic := func() *topicLog {
		l := &topicLog{step: 7, partitions: make([][][]byte, 3)}
		for _, s := range seconds {
			l.partitions[s%3] = append(l.partitions[s%3], recorded(t, fmt.Sprint(s), "t", int64(s)+1))
		}
		return l
	}
	sources := map[string]func(o *Options){
		"random":       func(o *Options) { o.Files = []string{at(t, seconds...)} },
		"ascending":    func(o *Options) { o.Files = []string{at(t, up...)} },
		"newest first": func(o *Options) { o.Files = []string{at(t, down...)} },
		"late":         func(o *Options) { o.Files = []string{at(t, append(up[1:count:count], 0)...)} },
		"gzip":         func(o *Options) { o.Files = []string{write(t, "z", zipped(t, read(t, at(t, down...))))} },
		"several": func(o *Options) {
			o.Files = []string{at(t, seconds[:100]...), at(t, seconds[100:250]...), at(t, seconds[250:]...)}
		},
		"stdin": func(o *Options) {
			o.Files, o.Stdin = []string{Stdin}, bytes.NewReader(read(t, at(t, seconds...)))
		},
		"stdin in order": func(o *Options) { o.Files, o.Stdin = []string{Stdin}, bytes.NewReader(read(t, at(t, up...))) },
		"topic": func(o *Options) {
			o.Format, o.Topic = "", &Topic{Log: topic(), Name: "lab.token_calls.v1", Type: schemas.TokenCallType}
		},
	}
	for name, change := range sources {
		for _, limit := range []int{1, 3000, 0} {
			t.Run(fmt.Sprint(name, " ", limit), func(t *testing.T) {
				dir := t.TempDir()
				t.Setenv("TMPDIR", dir)
				synctest.Test(t, func(t *testing.T) {
					o := options("azure-llm")
					change(&o)
					o.Speed, o.memory = 10, limit
					log, result := replayed(t, o)
					if len(log.calls) != count || result.Rows != count || result.Skipped > 0 || result.Interrupted || result.Outside > 0 {
						t.Fatalf("%d calls, %+v", len(log.calls), result)
					}
					for i, c := range log.calls {
						due := time.Duration(i) * time.Second / 10
						if c.GetTimeUs()-log.calls[0].GetTimeUs() != int64(i)*1e6 || log.at[i] < due || log.at[i] > due+2*pacedInterval {
							t.Fatalf("event %d of second %d came at %v", i, (c.GetTimeUs()-log.calls[0].GetTimeUs())/1e6, log.at[i])
						}
					}
					if s := result.Schedule; s.Events != count || s.Max > 2*pacedInterval {
						t.Errorf("the schedule is %+v", s)
					}
				})
				if left, err := filepath.Glob(filepath.Join(dir, "tidemark-*")); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// TestPacedTrace replays a published trace in which each of 214 sessions begins at the start, as the README does: what is
// due comes.
func TestPacedTrace(t *testing.T) {
	o := options("agentic", env.Data(t, "agentic-coding-traces/agentic_requests.csv.gz"))
	all, _ := replayed(t, o)
	const speed, span = 60, 8 * time.Second
	due := 0
	for _, c := range all.calls {
		if c.GetTimeUs()-start.UnixMicro() < int64(speed*span/time.Microsecond) {
			due++
		}
	}
	for _, limit := range []int{0, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), span-2*pacedInterval)
			defer cancel()
			o := o
			o.Speed, o.memory = speed, limit
			var left time.Duration
			o.Hooks.Progress = func(p Progress) { left = p.Left }
			log := &memory{begin: time.Now()}
			result, err := Run(ctx, &producers.Sender{Log: log}, o)
			if err != nil || len(log.calls) != due || due != 9586 || !result.Interrupted {
				t.Errorf("%d calls of %d due, %+v, %v", len(log.calls), due, result, err)
			}
			if s := result.Schedule; s.Max > 20*time.Millisecond || s.Events != int64(due) {
				t.Errorf("the schedule is %+v", s)
			}
			last := slices.MaxFunc(all.calls, byTime)
			if want := time.Duration(last.GetTimeUs()-start.UnixMicro())*time.Microsecond/speed - span; left < want-time.Second || left > want+time.Second {
				t.Errorf("%v left, want %v", left, want)
			}
		})
	}
}

// TestPacedProblems tells every problem once, however often a file is read for the order.
func TestPacedProblems(t *testing.T) {
	row := func(s int) string { return fmt.Sprintf("2024-05-10 00:00:%02d,%d,1\n", s, s) }
	ordered := header + row(1) + "x,1,1\n" + row(2) + row(3) + "y,1,1\n" + row(4)
	for _, text := range []string{ordered, ordered + row(0), header + row(5) + ordered[len(header):]} {
		for _, limit := range []int{1, 100, 0} {
			o := options("azure-llm", write(t, "f", []byte(text)))
			o.Speed, o.memory = 1e6, limit
			o.From, o.To = time.Date(2024, 5, 10, 0, 0, 1, 0, time.UTC), time.Date(2024, 5, 10, 0, 0, 4, 0, time.UTC)
			log, result := replayed(t, o)
			rows := int64(strings.Count(text, "\n") - 1)
			if !slices.Equal(inputs(log), []int{1, 2, 3}) || result.Rows != rows || result.Skipped != 2 || len(result.Problems) != 2 || result.Outside != rows-5 {
				t.Errorf("%q, limit %d: got %v, %+v", text, limit, inputs(log), result)
			}
		}
	}
}

// TestPacedGrowth reads a file that grows between the look for its order and the sending: only what was looked through goes.
func TestPacedGrowth(t *testing.T) {
	name := at(t, 1, 2, 3)
	o := options("azure-llm", name)
	o.Speed, o.memory = 1, 1
	src, err := newSource(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	var b producers.Batch
	if err := src.Next(&b, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(read(t, name), "2024-05-10 00:00:00,9,1\nbroken\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := src.Next(&b, 100); !errors.Is(err, io.EOF) || len(b.Items) != 3 || src.tally.skipped > 0 || src.tally.rows.Load() != 3 {
		t.Errorf("got %d items, %d problems, %v", len(b.Items), src.tally.skipped, err)
	}
}

// TestPacedInterrupt ends a replay while it reads for the order, and tells how far that is.
func TestPacedInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options("azure-llm", at(t, make([]int, 20000)...))
	o.Speed = 1
	reports := 0
	o.Hooks.Progress = func(p Progress) {
		if !p.Ordering || p.Rows == 0 || p.Sent > 0 {
			t.Errorf("got %+v", p)
		}
		if reports++; reports == 2 {
			cancel()
		}
	}
	log := &memory{}
	result, err := Run(ctx, &producers.Sender{Log: log}, o)
	if err != nil || !result.Interrupted || result.Sent > 0 || reports < 2 || len(log.runs) > 0 {
		t.Errorf("reports %d times, got %+v, %v", reports, result, err)
	}
}

// disordered is a source that gives times as they are, in seconds.
type disordered []int64

func (d *disordered) Next(b *producers.Batch, _ int) error {
	for i, s := range *d {
		item := b.AddBytes([]byte{1})
		item.Identity[0], item.Time = byte(i), s*1e6
	}
	*d = nil
	return io.EOF
}

// TestLateness measures how late an event is against its own time, not that of what came before it.
func TestLateness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := Run(t.Context(), &producers.Sender{Log: sink{}}, Options{Run: "test", Name: "x", Items: &disordered{0, 10, 4, 11}, Speed: 2})
		if err != nil {
			t.Fatal(err)
		}
		if s := result.Schedule; s.Events != 4 || s.Max < 3*time.Second || s.Max > 3*time.Second+2*pacedInterval || s.P50 > 2*pacedInterval {
			t.Errorf("the schedule is %+v", s)
		}
	})
}

// TestTimeLeft tells when the last event is due, however the events are spread over the file and its time.
func TestTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seconds := append(make([]int, 1000), 5, 10, 3000) // A share of the rows, or of the bytes, says nothing.
		o := options("azure-llm", at(t, seconds...))
		o.Speed = 10
		begin, seen := time.Now(), 0
		o.Hooks.Progress = func(p Progress) {
			if p.Ordering || p.Sent == int64(len(seconds)) {
				return
			}
			seen++
			if want := 300*time.Second - time.Since(begin); p.Left < want-time.Second || p.Left > want+time.Second {
				t.Errorf("after %v: %v left, want %v", time.Since(begin), p.Left, want)
			}
		}
		replayed(t, o)
		if seen < 3 {
			t.Errorf("only %d calls", seen)
		}
	})
}

func TestIDSet(t *testing.T) {
	var s idSet
	random := rand.New(rand.NewPCG(5, 6))
	seen := map[uint64]bool{}
	for range 100000 {
		x := random.Uint64() >> random.IntN(60)
		if got := s.add(x); got == seen[max(x, 1)] {
			t.Fatalf("%d: new %t", x, got)
		}
		seen[max(x, 1)] = true
	}
	if s.count != len(seen) {
		t.Errorf("%d of %d", s.count, len(seen))
	}
}
