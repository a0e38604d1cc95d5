package synthetic

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"tidemark/producers"
	"tidemark/schemas"
)

// made are the types of the events of a workload, in the order of the fields of Mix. The order decides what a seed
// makes.
var made = [...]schemas.Type{
	schemas.QueryType, schemas.SignupType, schemas.TokenCallType, schemas.ModelEventType, schemas.ReferencePointType,
}

// endless is how many records of a workload without end go through its span of time.
const endless = 1_000_000

// Generator makes items. It is not for concurrent use.
type Generator struct {
	options  Options
	random   random
	world    *world
	events   events
	calendar *calendar // Nil if live.
	byType   choice
	opening  []schemas.Type // The first events: one of each type, so that none is missing from a short run.
	prefix   string
	id       []byte
	scratch  []byte

	made  uint64 // Fresh events.
	items uint64 // All items.
	now   int64  // What the clock said, microseconds since 1970.

	shares  shares
	near    agenda
	far     [schemas.NumTypes]backlog
	last    schemas.Type // Of the fresh event made last.
	poison  *poisoner
	filler  filler
	spoil   bool                      // A poison item is next.
	offsets [schemas.NumTypes][]int64 // Items by partition.
}

var _ producers.Source = (*Generator)(nil)

// shares are the options' shares as bounds on a draw. Those of one draw add up.
type shares struct {
	any                      bool
	duplicate, conflict, far chance // One draw.
	late, outOfOrder         chance // One draw.
	poison                   chance
}

// New returns a generator, or all that is wrong with the options.
func New(o Options) (*Generator, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	g := &Generator{options: o, random: newRandom(o.Seed), prefix: o.idPrefix()}
	g.world = newWorld(g.random, o)
	if !o.Live {
		records := o.Events
		if records == 0 {
			records = endless
		}
		g.calendar = newCalendar(o.Start, o.Span, records)
	}
	mixed := o.Mix.shares()
	g.byType = newChoice(mixed[:])
	for i, t := range made {
		if mixed[i] > 0 {
			g.opening = append(g.opening, t)
		}
		g.offsets[t] = make([]int64, o.Partitions)
	}
	g.shares = shares{
		duplicate:  chanceOf(o.Duplicates),
		conflict:   chanceOf(o.Duplicates + o.Conflicts),
		far:        chanceOf(o.Duplicates + o.Conflicts + o.FarDuplicates),
		late:       chanceOf(o.Late),
		outOfOrder: chanceOf(o.Late + o.OutOfOrder),
		poison:     chanceOf(o.Poison),
	}
	g.shares.any = g.shares.far > 0 || g.shares.poison > 0
	g.near = newAgenda(o.Window)
	g.poison = newPoisoner()
	return g, nil
}

// Next adds items to b until it is full or the last one is made, and returns io.EOF after the last.
func (g *Generator) Next(b *producers.Batch, limit int) error {
	if g.options.Live && !g.options.paced() {
		g.now = g.options.Now().UnixMicro()
	}
	for !b.Full(limit) {
		if err := g.step(b); err != nil {
			return err
		}
	}
	return nil
}

// step adds one item: what is to be repeated now, or poison, or a fresh event.
func (g *Generator) step(b *producers.Batch) error {
	if g.options.Events > 0 && g.items >= uint64(g.options.Events) {
		return io.EOF
	}
	if again, ok := g.near.due(g.items); ok {
		g.repeat(b, again)
		return nil
	}
	if g.spoil {
		g.spoil = false
		return g.addPoison(b)
	}
	if ripe, ok := g.far[g.last].take(g.offsets[g.last], g.options.Window); ok {
		g.repeat(b, ripe)
		return nil
	}
	return g.addFresh(b)
}

// addFresh makes an event, and decides whether something is to follow from it.
func (g *Generator) addFresh(b *producers.Batch) error {
	t := g.nextType()
	at, disorder := g.nextTime()
	e := g.fill(t, g.nextID(), at)
	item, err := b.AddEvent(e)
	if err != nil {
		return err
	}
	item.Disorder = disorder
	if g.options.Size > 0 {
		b.Extend(g.filler.upTo(g.options.Size-len(item.Value), g.options.Seed^g.made))
	}
	partition, offset := g.place(item)
	g.made++
	g.last = t
	if !g.shares.any {
		return nil
	}
	g.spoil = g.random.happens(g.shares.poison)
	switch draw := chance(g.random.next()); {
	case draw < g.shares.duplicate:
		g.near.add(g.random, g.items, repetition{kind: producers.Duplicate, item: keep(item, item.Value)})
	case draw < g.shares.conflict:
		other, err := g.encodeAt(e, g.otherTime(at))
		if err != nil {
			return err
		}
		g.near.add(g.random, g.items, repetition{kind: producers.Conflict, item: keep(item, other)})
	case draw < g.shares.far:
		g.far[t].add(repetition{kind: producers.FarDuplicate, item: keep(item, item.Value), partition: partition, offset: offset})
	}
	return nil
}

// repeat adds an item of an identity that has been there.
func (g *Generator) repeat(b *producers.Batch, again repetition) {
	item := b.AddBytes(again.item.Value)
	item.Type, item.Identity, item.Kind = again.item.Type, again.item.Identity, again.kind
	g.place(item)
}

// addPoison adds an item that no consumer accepts, of any type.
func (g *Generator) addPoison(b *producers.Batch) error {
	t := g.nextType()
	at, _ := g.nextTime()
	e := g.fill(t, g.prefix+"poison-"+strconv.FormatUint(g.items, 36), at)
	identity := schemas.IdentityOf(e.GetTenant(), e.GetSource(), e.GetId())
	// Draws of its own: how many it takes depends on the value's length, which the run's label is a part of.
	value, err := g.poison.spoil(newRandom(g.random.next()), t, e)
	if err != nil {
		return err
	}
	item := b.AddBytes(value)
	item.Type, item.Kind, item.Identity = t, producers.Poison, identity
	g.place(item)
	return nil
}

// place says when the item is due and counts it where it goes.
func (g *Generator) place(item *producers.Item) (partition int32, offset int64) {
	if g.options.paced() {
		item.Due = g.due()
	}
	g.items++
	partition = item.Identity.Partition(g.options.Partitions)
	offset = g.offsets[item.Type][partition]
	g.offsets[item.Type][partition]++
	return partition, offset
}

// due returns when the next item is to be sent.
func (g *Generator) due() time.Duration {
	if g.options.Schedule != nil {
		return g.options.Schedule(g.items)
	}
	seconds := float64(g.items) / g.options.rate
	whole := math.Floor(seconds)
	return time.Duration(whole)*time.Second + time.Duration((seconds-whole)*1e9)
}

func (g *Generator) nextType() schemas.Type {
	if g.made < uint64(len(g.opening)) {
		return g.opening[g.made]
	}
	if len(g.opening) == 1 {
		return g.opening[0]
	}
	return made[g.random.pick(&g.byType)]
}

// How long before its neighbors an event is at most: one that is late, and one that is out of order.
const (
	MaxLate     = 72 * time.Hour
	MaxDisorder = 30 * time.Second

	minLate     = 3600 * 1_000_000 // Microseconds.
	minDisorder = 1_000_000
)

// nextTime returns the time of the next event, in microseconds since 1970.
func (g *Generator) nextTime() (int64, producers.Disorder) {
	var at int64
	switch {
	case g.calendar != nil:
		at = g.calendar.place(g.items)
	case g.options.paced():
		at = g.options.Start.Add(g.due()).UnixMicro()
	default:
		at = g.now
	}
	disorder := producers.InOrder
	if g.shares.outOfOrder > 0 {
		switch draw := chance(g.random.next()); {
		case draw < g.shares.late:
			at, disorder = at-int64(g.random.between(minLate, uint64(MaxLate.Microseconds()))), producers.Late
		case draw < g.shares.outOfOrder:
			at, disorder = at-int64(g.random.between(minDisorder, uint64(MaxDisorder.Microseconds()))), producers.OutOfOrder
		}
	}
	if at == 0 {
		at = 1 // 0 means that there is no time.
	}
	return at, disorder
}

// otherTime returns a time near at that differs from it.
func (g *Generator) otherTime(at int64) int64 {
	other := at + int64(g.random.between(2, 1000))*1_000_000
	if other == 0 {
		other = 1
	}
	return other
}

func (g *Generator) nextID() string {
	g.id = strconv.AppendUint(append(g.id[:0], g.prefix...), g.made, 36)
	return string(g.id)
}
