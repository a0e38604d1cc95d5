package synthetic_test

import (
	"strings"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/synthetic"
)

// TestLive checks that a live workload tells the time it is made at.
func TestLive(t *testing.T) {
	now := monday
	o := synthetic.Options{Seed: 1, Events: 5_000, Live: true, Now: func() time.Time { now = now.Add(time.Second); return now }}
	generate(t, o, func(item *producers.Item) {
		if item.Kind == producers.Fresh && item.Time != now.UnixMicro() {
			t.Fatalf("event at %s, want %s", time.UnixMicro(item.Time).UTC(), now)
		}
	})
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*synthetic.Options)
		want   []string // Parts of the error; none for valid options.
	}{
		{"valid", func(*synthetic.Options) {}, nil},
		{"live needs no start", func(o *synthetic.Options) { o.Start, o.Span, o.Live = time.Time{}, 0, true }, nil},
		{"all at once", func(o *synthetic.Options) { o.Poison, o.Late, o.Events = 2, -1, -5 },
			[]string{"share of poison: 2", "share of late: -1", "events: -5"}},
		{"no start", func(o *synthetic.Options) { o.Start = time.Time{} }, []string{"start and span"}},
		{"no span", func(o *synthetic.Options) { o.Span = 0 }, []string{"span: 0s"}},
		{"end of time", func(o *synthetic.Options) { o.Start = monday.AddDate(273, 0, 0) }, []string{"start and span"}},
		{"profile", func(o *synthetic.Options) { o.Profile = "x" }, []string{`profile: "x"`}},
		{"mix", func(o *synthetic.Options) { o.Mix.Queries = -1 }, []string{"mix: -1 of queries"}},
		{"run", func(o *synthetic.Options) { o.Run = "a\nb" }, []string{"run: "}},
		{"too much to repeat", func(o *synthetic.Options) { o.Duplicates, o.Conflicts = 0.6, 0.6 }, []string{"together: 1.2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := troubled(1)
			tt.change(&o)
			err := o.Validate()
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if _, newErr := synthetic.New(o); (newErr == nil) != (err == nil) {
				t.Errorf("New says %v", newErr)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want it to say %q", err, part)
				}
			}
		})
	}
}
