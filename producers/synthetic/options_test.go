package synthetic_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	usagev1 "tidemark/schemas/usage/v1"
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

// TestSize: an event that is smaller than asked for is filled up to the byte with a field that readers skip, nothing of what it says changes, and
// what fills it is not compressed away.
func TestSize(t *testing.T) {
	for _, size := range []int{100, 163, 300, 1024, 10_240, 20_000} {
		options := synthetic.Options{Seed: 3, Live: true, Profile: synthetic.TokenCalls, Size: size, Duplicates: 0.1, Conflicts: 0.1}
		g, err := synthetic.New(options)
		if err != nil {
			t.Fatal(err)
		}
		var b producers.Batch
		if err := g.Next(&b, 400); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		var all []byte
		for _, item := range b.Items {
			var call usagev1.TokenCall
			if err := proto.Unmarshal(item.Value, &call); err != nil || call.GetTenant() == "" {
				t.Fatalf("size %d: %v, %v", size, &call, err)
			}
			unknown := len(call.ProtoReflect().GetUnknown())
			if n := len(item.Value); item.Kind == producers.Fresh && (n < size || unknown > 0 && n > size+4) {
				t.Fatalf("size %d: a value of %d bytes, %d of them filled", size, n, unknown)
			}
			all = append(all, item.Value...)
		}
		if packed := len(s2.EncodeSnappy(nil, all)); size >= 1024 && packed < len(all)*7/10 {
			t.Errorf("size %d: snappy makes %d bytes of %d", size, packed, len(all))
		}
	}
}

// TestHot: one tenant has the share that was asked for.
func TestHot(t *testing.T) {
	g, err := synthetic.New(synthetic.Options{Seed: 3, Live: true, Profile: synthetic.TokenCalls, Hot: 0.4, Models: synthetic.ManyModels(1000)})
	if err != nil {
		t.Fatal(err)
	}
	tenants, models, n := map[string]int{}, map[string]bool{}, 0
	for range 20 {
		var b producers.Batch
		if err := g.Next(&b, 5000); err != nil {
			t.Fatal(err)
		}
		for _, item := range b.Items {
			var call usagev1.TokenCall
			if err := proto.Unmarshal(item.Value, &call); err != nil {
				t.Fatal(err)
			}
			tenants[call.GetTenant()]++
			models[call.GetModel()] = true
			n++
		}
	}
	most := 0
	for _, calls := range tenants {
		most = max(most, calls)
	}
	if share := float64(most) / float64(n); share < 0.3 || share > 0.5 || len(tenants) < 50 || len(models) < 300 {
		t.Errorf("the largest tenant of %d has %.2f of the calls, which are of %d models", len(tenants), share, len(models))
	}
}
