package producers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/producers"
)

// counter is a source of n events, one every step.
type counter struct {
	n, made int
	step    time.Duration
	end     error // Default io.EOF.
}

func (c *counter) Next(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		if c.made == c.n {
			if c.end != nil {
				return c.end
			}
			return io.EOF
		}
		item, err := b.AddEvent(call(fmt.Sprint(c.made), 1))
		if err != nil {
			return err
		}
		item.Due = time.Duration(c.made) * c.step
		c.made++
	}
	return nil
}

// check compares the truth with the log, whose records must be the first ones in order.
func check(t *testing.T, truth *producers.Truth, log *memoryLog, want int) {
	t.Helper()
	if got := truth.Total().Produced; int(got) != want || len(log.records) != want {
		t.Errorf("the truth has %d records and the log %d, want %d", got, len(log.records), want)
	}
	var b producers.Batch
	for i, r := range log.records {
		b.Reset()
		item, err := b.AddEvent(call(fmt.Sprint(i), 1))
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Value) != string(item.Value) {
			t.Fatalf("record %d of the log is not event %d", i, i)
		}
	}
}

func TestPumpAll(t *testing.T) {
	for _, limit := range []int{0, 1, 7, 1000} {
		log := &memoryLog{partitions: 3}
		progress := uint64(0)
		p := producers.Pump{Source: &counter{n: 100}, Sender: &producers.Sender{Log: log}, BatchItems: limit,
			Hooks: producers.Hooks{Sent: func(p producers.Progress) { progress = p.Truth.Total().Produced }}}
		truth, err := p.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(t, truth, log, 100)
		if progress != 100 {
			t.Errorf("progress ends at %d", progress)
		}
	}
}

func TestPumpPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		log := &memoryLog{partitions: 1}
		var at []time.Duration
		p := producers.Pump{Source: &counter{n: 50, step: time.Second}, Sender: &producers.Sender{Log: log}, BatchItems: 8,
			Hooks: producers.Hooks{Sent: func(p producers.Progress) {
				for range int(p.Truth.Total().Produced) - len(at) {
					at = append(at, time.Since(begin))
				}
			}}}
		truth, err := p.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(t, truth, log, 50)
		for i, got := range at {
			due := time.Duration(i) * time.Second
			if got < due || got > due+2*producers.DefaultInterval {
				t.Fatalf("record %d was sent after %s, due after %s", i, got, due)
			}
		}
	})
}

// TestPumpGathers: a log that answers at once gets what is due within an interval together, and nothing waits for longer.
func TestPumpGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, calls := time.Now(), 0
		log := &memoryLog{partitions: 1, before: func(context.Context, int) error {
			calls++
			time.Sleep(100 * time.Microsecond)
			return nil
		}}
		p := producers.Pump{Source: &counter{n: 10_000, step: 100 * time.Microsecond}, Sender: &producers.Sender{Log: log}, BatchItems: 5000,
			Hooks: producers.Hooks{Sending: func(items []producers.Item, _ time.Duration) {
				if late := time.Since(begin) - items[0].Due; late > producers.DefaultInterval+time.Millisecond {
					t.Fatalf("an item waits for %s", late)
				}
			}}}
		truth, err := p.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(t, truth, log, 10_000)
		if calls > 105 { // A second has 100 intervals; without waiting there are thousands.
			t.Errorf("%d calls of the log in a second", calls)
		}
	})
}

// TestPumpCatchesUp checks that time lost to a slow log is not lost for good.
func TestPumpCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		behind := time.Duration(0)
		log := &memoryLog{partitions: 1, before: func(_ context.Context, call int) error {
			if call == 3 {
				time.Sleep(20 * time.Second)
			}
			return nil
		}}
		p := producers.Pump{Source: &counter{n: 60, step: time.Second}, Sender: &producers.Sender{Log: log},
			Hooks: producers.Hooks{Sent: func(p producers.Progress) { behind = max(behind, p.Behind) }}}
		truth, err := p.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(t, truth, log, 60)
		if took := time.Since(begin); took < 59*time.Second || took > 60*time.Second {
			t.Errorf("took %s, want 59s", took)
		}
		if behind < 20*time.Second || behind > 21*time.Second {
			t.Errorf("was behind by %s, want 20s", behind)
		}
	})
}

func TestPumpEnds(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name   string
		source counter
		pump   producers.Pump
		stop   time.Duration // When to close Stop; 0 for never.
		cancel time.Duration // When to cancel the context; 0 for never.
		refuse int           // The call of the log that fails; 0 for none.
		want   int           // Records.
		err    error
		took   time.Duration
	}{
		{name: "duration, paced", source: counter{n: 1000, step: time.Second}, pump: producers.Pump{Duration: 10*time.Second + time.Millisecond}, want: 10, took: 10 * time.Second},
		{name: "stop, paced", source: counter{n: 1000, step: time.Second}, stop: 10*time.Second + 500*time.Millisecond, want: 11, took: 10 * time.Second},
		{name: "stop in a long wait", source: counter{n: 2, step: 1000 * time.Hour}, stop: time.Minute, want: 1, took: time.Minute},
		{name: "context", source: counter{n: 1000, step: time.Second}, cancel: 10*time.Second + 500*time.Millisecond, want: 11, err: context.Canceled, took: 10 * time.Second},
		{name: "source fails", source: counter{n: 10, end: broken}, pump: producers.Pump{BatchItems: 4}, want: 10, err: broken},
		{name: "log fails", source: counter{n: 100}, pump: producers.Pump{BatchItems: 4}, refuse: 3, want: 8, err: broken},
		{name: "nothing to send", source: counter{}, want: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				stop := make(chan struct{})
				if tt.stop > 0 {
					time.AfterFunc(tt.stop, func() { close(stop) })
				}
				log := &memoryLog{partitions: 1, before: func(_ context.Context, call int) error {
					if call == tt.refuse {
						return broken
					}
					return nil
				}}
				p := tt.pump
				p.Source, p.Sender, p.Stop = &tt.source, &producers.Sender{Log: log}, stop
				begin := time.Now()
				truth, err := p.Run(ctx)
				if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
					t.Errorf("got %v, want %v", err, tt.err)
				}
				check(t, truth, log, tt.want)
				if took := time.Since(begin); took.Truncate(time.Second) != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
			})
		})
	}
}

func TestWithGrace(t *testing.T) {
	tests := []struct {
		name   string
		slow   time.Duration // How long the log takes for a batch.
		want   int
		failed bool
	}{
		{"the last batch is waited for", 5 * time.Second, 4, false},
		{"but not for ever", time.Hour, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Second, cancel)
				log := &memoryLog{partitions: 1, before: func(ctx context.Context, _ int) error {
					timer := time.NewTimer(tt.slow)
					defer timer.Stop()
					select {
					case <-timer.C:
						return nil
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}}
				working, stop, done := producers.WithGrace(ctx, 10*time.Second)
				defer done()
				p := producers.Pump{Source: &counter{n: 1000}, Sender: &producers.Sender{Log: log}, BatchItems: 4, Stop: stop}
				truth, err := p.Run(working)
				if (err != nil) != tt.failed {
					t.Errorf("got %v, want an error: %t", err, tt.failed)
				}
				check(t, truth, log, tt.want)
			})
		})
	}
}
