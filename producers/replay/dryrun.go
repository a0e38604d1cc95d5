package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats/numbers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Plan is what a replay would do.
type Plan struct {
	Reading
	Truth *producers.Truth // What would be sent.
	Took  time.Duration    // How long it would take at its pace; 0 without one.
	// Models are the token calls by model, the one with the most tokens first.
	Models []ModelUse
	// Costs are the reported costs, each times its weight, by currency, in 1e-12 of a unit.
	Costs map[string]*big.Int
	// Sample are the first events.
	Sample []schemas.Event
	// Stored is how many of the events of Truth, without repeats, the namespace has stored already: they would change
	// nothing. It is -1 if there was no database to ask.
	Stored int64
}

// ModelUse is what the calls to one model add up to, each times its weight.
type ModelUse struct {
	Model                                string
	Calls                                uint64
	Uncached, CacheRead, CacheWrite      uint64 // Tokens of input.
	OutputVisible, OutputReasoning, Both uint64 // Tokens of output, and of both.
}

// DryRun reads what a replay would send, and sends nothing. If db is not nil, it looks up how many of the events the
// namespace has stored; it does not look at the log. Progress counts what was read.
func DryRun(ctx context.Context, o Options, db Database, namespace string) (Plan, error) {
	src, err := newSource(ctx, o, ctx.Done())
	if err != nil {
		return Plan{}, err
	}
	defer src.close()
	begin := time.Now()
	d := dryRun{truth: &producers.Truth{}, models: map[string]*ModelUse{}, costs: map[string]*big.Int{}, db: db, namespace: namespace}
	for batch := (&producers.Batch{}); err == nil; batch.Reset() {
		err = src.Next(batch, producers.DefaultBatchItems)
		if err != nil && !errors.Is(err, io.EOF) {
			return Plan{}, fmt.Errorf("replay %s: %w", o.name(), err)
		}
		if err := d.add(ctx, batch.Items); err != nil {
			if ctx.Err() != nil {
				break // What came before stands; result sees that there is more.
			}
			return Plan{}, err
		}
		src.tally.progress(Progress{Rows: src.tally.rows.Load(), Left: src.left(producers.Progress{Truth: d.truth, Elapsed: time.Since(begin)})})
	}
	plan := Plan{Reading: src.result(d.truth).Reading, Truth: d.truth, Took: src.pace.last, Models: d.byTokens(), Costs: d.costs, Sample: d.sample, Stored: d.stored}
	if db == nil {
		plan.Stored = -1
	}
	return plan, nil
}

// dryRun adds up what would be sent.
type dryRun struct {
	truth     *producers.Truth
	models    map[string]*ModelUse
	costs     map[string]*big.Int
	db        Database
	namespace string
	stored    int64
	sample    []schemas.Event
}

// sampled is how many events a Plan shows.
const sampled = 3

// add adds the items, or none of them if the lookup fails.
func (d *dryRun) add(ctx context.Context, items []producers.Item) error {
	var byType [schemas.NumTypes][]producers.Item
	for _, item := range items {
		if !schemas.SpecOf(item.Type).Counted || item.Kind != producers.Fresh {
			continue // What repeats an event changes nothing, and may have no time to look it up by.
		}
		byType[item.Type] = append(byType[item.Type], item)
	}
	stored, err := d.lookupAll(ctx, byType[:])
	if err != nil {
		return fmt.Errorf("look up what %s has stored: %w", d.namespace, err)
	}
	d.truth.Add(items)
	d.stored += stored
	for i := 0; i < len(items) && len(d.sample) < sampled; i++ {
		if !schemas.SpecOf(items[i].Type).Counted {
			continue
		}
		e := schemas.NewEvent(items[i].Type)
		if err := proto.Unmarshal(items[i].Value, e); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		d.sample = append(d.sample, e)
	}
	var call usagev1.TokenCall
	for _, item := range byType[schemas.TokenCallType] {
		if err := proto.Unmarshal(item.Value, &call); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		d.use(&call)
	}
	return nil
}

// lookupAll returns how many of the items, by their type, are stored; 0 without a database.
func (d *dryRun) lookupAll(ctx context.Context, byType [][]producers.Item) (stored int64, err error) {
	if d.db == nil {
		return 0, nil
	}
	for t, some := range byType {
		for chunk := range slices.Chunk(some, lookupItems) {
			n, err := d.lookup(ctx, schemas.Type(t), chunk)
			if err != nil {
				return 0, err
			}
			stored += n
		}
	}
	return stored, nil
}

func (d *dryRun) use(call *usagev1.TokenCall) {
	m := d.models[call.Model]
	if m == nil {
		m = &ModelUse{Model: call.Model}
		d.models[call.Model] = m
	}
	w := max(call.Weight, 1)
	if call.ReportedCostNanos != nil {
		d.cost(call, w)
	}
	calls := w
	if call.Requests != nil {
		calls *= call.GetRequests()
	}
	m.Calls += calls
	m.Uncached += w * call.GetInputUncached()
	m.CacheRead += w * call.GetInputCacheRead()
	m.CacheWrite += w * call.GetInputCacheWrite()
	m.OutputVisible += w * call.GetOutputVisible()
	m.OutputReasoning += w * call.GetOutputReasoning()
	m.Both = m.Uncached + m.CacheRead + m.CacheWrite + m.OutputVisible + m.OutputReasoning
}

func (d *dryRun) cost(call *usagev1.TokenCall, weight uint64) {
	if d.costs[call.CostCurrency] == nil {
		d.costs[call.CostCurrency] = new(big.Int)
	}
	cost := new(big.Int).Mul(big.NewInt(call.GetReportedCostNanos()), big.NewInt(numbers.PicosPerNano))
	cost.Add(cost, new(big.Int).SetUint64(call.GetReportedCostPicos()))
	d.costs[call.CostCurrency].Add(d.costs[call.CostCurrency], cost.Mul(cost, new(big.Int).SetUint64(weight)))
}

func (d *dryRun) byTokens() []ModelUse {
	uses := make([]ModelUse, 0, len(d.models))
	for m := range maps.Values(d.models) {
		uses = append(uses, *m)
	}
	slices.SortFunc(uses, func(a, b ModelUse) int {
		return cmp.Or(cmp.Compare(b.Both, a.Both), cmp.Compare(a.Model, b.Model))
	})
	return uses
}

// lookupItems is how many identities one query asks for: its text stays below what ClickHouse reads of a query by
// default (max_query_size, 262,144 bytes).
const lookupItems = 6000

// storedKey is an event as a lookup knows it.
type storedKey struct {
	identity schemas.Identity
	timeUs   int64
}

// storedSize is the size of a row of a lookup, in bytes: identity, time and revision.
const storedSize = 16 + 8 + 8

// lookup returns how many of the items, all of one type, are stored in their revision or a higher one.
func (d *dryRun) lookup(ctx context.Context, t schemas.Type, items []producers.Item) (int64, error) {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	var all strings.Builder
	revision := "toUInt64(0)" // Where it does not matter the column need not be there.
	for i := range items {
		if items[i].Revision > 0 {
			revision = "max(revision)"
		}
		first, last = min(first, items[i].Time), max(last, items[i].Time)
		all.WriteString(hex.EncodeToString(items[i].Identity[:]))
	}
	sql := fmt.Sprintf(`SELECT identity, toUnixTimestamp64Micro(time), %s FROM %s.%s WHERE time >= %s AND time <= %s
AND identity IN (SELECT arrayJoin(arrayMap(i -> reinterpretAsUInt128(substring(unhex('%s'), 16 * i + 1, 16)), range(%d)))) GROUP BY identity, time`,
		revision, schemas.Ident(d.namespace), schemas.Ident(schemas.SpecOf(t).RawTable), momentSQL(first), momentSQL(last), all.String(), len(items))
	var out bytes.Buffer
	if err := d.db.Format(ctx, sql, "RowBinary", &out); err != nil {
		return 0, err
	}
	found := make(map[storedKey]uint64, out.Len()/storedSize)
	for row := out.Bytes(); len(row) >= storedSize; row = row[storedSize:] {
		found[storedKey{schemas.Identity(row[:16]), int64(le64(row[16:]))}] = le64(row[24:])
	}
	var n int64
	for i := range items {
		if revision, ok := found[storedKey{items[i].Identity, items[i].Time}]; ok && revision >= items[i].Revision {
			n++
		}
	}
	return n, nil
}

// le64 returns the first 8 bytes of b as a number.
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
