// Package synthetic makes a realistic workload of all event types from a seed, and knows exactly what it made.
//
//	Run: Generator.Next -> producers.Pump -> producers.Sender -> the log; then the truth to runs.v1
//	Next: what is to be repeated now, or poison, or a fresh event: type -> session -> message -> wire form
//
// Equal options give equal bytes. All of it is simulated: models and providers have real names, figures are made up.
package synthetic

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"tidemark/schemas"
)

// Profiles.
const (
	Mixed      = "mixed"       // All types.
	TokenCalls = "token_calls" // Token calls alone.
)

// Defaults.
const (
	DefaultTenants = 200
	DefaultUsers   = 20_000
	DefaultWindow  = 262_144
)

// Mix is how often each type is made, relative to the others.
type Mix struct {
	Queries, Signups, TokenCalls, ModelEvents, ReferencePoints float64
}

// Options are what to make.
type Options struct {
	// Seed makes two runs different: equal options, the Run label apart, make the same events with the same ids, and
	// options that differ in anything else make other ids.
	Seed uint64
	// Events is how many records to make, repeated and poison ones included. Default 0: no end.
	Events int64
	// Start and Span are the time in which events happen, more of them in busy hours. An endless workload goes through
	// it once every million records. Required unless Live.
	Start time.Time
	Span  time.Duration
	// Live gives events the time at which they are made.
	Live bool
	// Now is the clock of a live workload. Default time.Now.
	Now func() time.Time
	// Schedule returns when item n is due, from the start of a live workload; that is the event's time too. It is called
	// with numbers that never decrease. Default, nil: as the rate given to Run says.
	Schedule func(n uint64) time.Duration

	// Profile is Mixed or TokenCalls. Default Mixed.
	Profile string
	// Mix replaces the mix of the profile. Default, all zero: the mix of the profile.
	Mix Mix
	// Tenants is the number of customers, Users about the number of their users together. Default 200 and 100,000.
	Tenants, Users int
	// TenantPrefix stands before the name of every tenant. Default none.
	TenantPrefix string
	// TenantShares replaces how busy the tenants are, relative to one another, the busiest first; Tenants is their
	// number then. Default, none: as by a power law.
	TenantShares []float64
	// Hot is about the share of the calls that are of one tenant, between 0 and 1; the others share the rest as ever. Default 0: as TenantShares says.
	Hot float64
	// Size is the least bytes of an event that is not repeated: a field that no consumer knows fills up those that are smaller. Default 0: as
	// they are. At most MaxSize.
	Size int
	// Models replaces the models that are called. Default, none: a catalog of real names with plausible shares.
	Models []ModelShare
	// Run is the label of the events' run field. Default none.
	Run string

	// The shares are between 0 and 1, relative to the fresh events; default 0.
	//
	// Duplicates repeat an event within a few thousand records, FarDuplicates more than Window records of its partition
	// later: there are some only in a run of well over Window x Partitions records of the type. Conflicts repeat an
	// identity with another time, within a few thousand records. Late events are hours to days before their
	// neighbors, OutOfOrder ones seconds. Poison is values that no consumer accepts, of three sorts: random bytes, a
	// message cut short, a message with a field out of its limits.
	Duplicates, FarDuplicates, Conflicts, Late, OutOfOrder, Poison float64

	// Window is how far consumers look back in a partition, and Partitions how many a topic has. They decide where
	// repeated records are put, not how they are counted. Default 262,144 and 8.
	Window     int64
	Partitions int

	rate float64 // Records per second, 0 without a pace; given to Run.
}

// ModelShare is a model as a provider sells it, and how often it is called, relative to the others.
type ModelShare struct {
	Model, Provider string
	Share           float64
}

// Validate returns all that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Events >= 0, "events: %d is negative", o.Events)
	if !o.Live {
		first, last := o.Start.UTC().Year(), o.Start.Add(o.Span).UTC().Year()
		check(o.Span >= time.Second, "span: %s is less than a second", o.Span)
		check(first > minYear && last < maxYear, "start and span: %s and %s are not within the years %d to %d",
			o.Start.UTC().Format(time.RFC3339), o.Span, minYear+1, maxYear-1)
	}
	check(o.rate >= 0 && o.rate <= maxRate, "rate: %v is not between 0 and %v", o.rate, float64(maxRate))
	check(o.Profile == "" || o.Profile == Mixed || o.Profile == TokenCalls, "profile: %q is neither %s nor %s", o.Profile, Mixed, TokenCalls)
	total := 0.0
	for i, share := range o.Mix.shares() {
		check(share >= 0 && share <= 1e6, "mix: %v of %s is not between 0 and 1000000", share, made[i])
		total += share
	}
	check(o.Mix == Mix{} || total > 0, "mix: has nothing in it")
	for i, share := range o.TenantShares {
		check(share > 0 && share <= 1e15, "tenant shares: %v of tenant %d is not above 0", share, i+1)
	}
	for _, m := range o.Models {
		check(m.Model != "" && m.Share > 0 && m.Share <= 1e15, "models: %q has no name or its share %v is not above 0", m.Model, m.Share)
	}
	check(len(o.TenantShares) <= maxMany && len(o.TenantPrefix) <= 100, "tenants: more than %d shares, or a prefix of more than 100 bytes", maxMany)
	check(o.Hot == 0 || o.Hot > 0 && o.Hot < 1 && len(o.TenantShares) == 0, "hot: %v is not between 0 and 1, or there are tenant shares", o.Hot)
	check(o.Size >= 0 && o.Size <= MaxSize, "size: %d is not between 0 and %d", o.Size, MaxSize)
	check(o.Tenants >= 0 && o.Tenants <= maxMany, "tenants: %d is not between 0 and %d", o.Tenants, maxMany)
	check(o.Users >= 0 && o.Users <= 1e12, "users: %d is not between 0 and 1000000000000", o.Users)
	check(o.Partitions >= 0 && o.Partitions <= maxMany, "partitions: %d is not between 0 and %d", o.Partitions, maxMany)
	check(o.Window >= 0, "window: %d is negative", o.Window)
	check(len(o.Run) <= 200 && strings.IndexFunc(o.Run, func(r rune) bool { return r < ' ' || r > '~' }) < 0,
		"run: %q is longer than 200 characters or not plain ASCII", o.Run)
	for _, s := range []struct {
		name  string
		share float64
	}{
		{"duplicates", o.Duplicates}, {"far duplicates", o.FarDuplicates}, {"conflicts", o.Conflicts},
		{"late", o.Late}, {"out of order", o.OutOfOrder}, {"poison", o.Poison},
		{"duplicates, far duplicates and conflicts together", o.Duplicates + o.FarDuplicates + o.Conflicts},
		{"late and out of order together", o.Late + o.OutOfOrder},
	} {
		check(s.share >= 0 && s.share <= 1, "share of %s: %v is not between 0 and 1", s.name, s.share)
	}
	return errors.Join(errs...)
}

const (
	minYear, maxYear = 1900, 2299 // The years of acceptable times; the first and the last are left as room for disorder.
	maxRate          = 1e9
	maxMany          = 1_000_000
)

// MaxSize is the most bytes of Options.Size.
const MaxSize = 512 << 10

// withDefaults returns the options with their defaults filled in, or all that is wrong with them.
func (o Options) withDefaults() (Options, error) {
	if err := o.Validate(); err != nil {
		return o, err
	}
	o.Profile = cmp.Or(o.Profile, Mixed)
	if o.Mix == (Mix{}) {
		o.Mix = Mix{Queries: 0.30, Signups: 0.02, TokenCalls: 0.66, ModelEvents: 0.0199, ReferencePoints: 0.0001}
		if o.Profile == TokenCalls {
			o.Mix = Mix{TokenCalls: 1}
		}
	}
	o.Tenants = cmp.Or(len(o.TenantShares), o.Tenants, DefaultTenants)
	o.Users = cmp.Or(o.Users, DefaultUsers)
	o.Partitions = cmp.Or(o.Partitions, schemas.DefaultPartitions)
	o.Window = cmp.Or(o.Window, DefaultWindow)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Live {
		o.Start, o.Span = o.Now(), 0
	}
	return o, nil
}

// paced reports whether items are due at times of their own.
func (o Options) paced() bool { return o.rate > 0 || o.Schedule != nil }

// shares returns the shares of the types in made.
func (m Mix) shares() [len(made)]float64 {
	return [len(made)]float64{m.Queries, m.Signups, m.TokenCalls, m.ModelEvents, m.ReferencePoints}
}

// idPrefix is what all ids of the run begin with: the seed, and a hash of all else that decides what an event holds, so
// that other options never make another event of the same identity. It is to be called with the defaults filled in.
func (o Options) idPrefix() string {
	h := mix(0)
	for _, n := range []int64{o.Events, o.Start.UnixMicro(), int64(o.Span), int64(o.Tenants), int64(o.Users), o.Window, int64(o.Partitions)} {
		h = mix(h ^ uint64(n))
	}
	for _, f := range []float64{o.Duplicates, o.FarDuplicates, o.Conflicts, o.Late, o.OutOfOrder, o.Poison} {
		h = mix(h ^ math.Float64bits(f))
	}
	for _, f := range o.Mix.shares() {
		h = mix(h ^ math.Float64bits(f))
	}
	if o.Hot > 0 || o.Size > 0 { // Without them, ids are those of versions that did not know them.
		h = mix(mix(h^math.Float64bits(o.Hot)) ^ uint64(o.Size))
	}
	for i := range len(o.TenantPrefix) {
		h = mix(h ^ uint64(o.TenantPrefix[i]))
	}
	for _, f := range o.TenantShares {
		h = mix(h ^ math.Float64bits(f))
	}
	for _, m := range o.Models {
		h = mix(h ^ math.Float64bits(m.Share))
		for _, b := range []byte(m.Model + "\x00" + m.Provider) {
			h = mix(h ^ uint64(b))
		}
	}
	return fmt.Sprintf("%x-%010x-", o.Seed, h>>24)
}
