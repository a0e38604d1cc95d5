package schemas

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	protobuf "google.golang.org/protobuf/proto"

	"tidemark/internal/stack"
	stacktest "tidemark/internal/test/stack"
	usagev1 "tidemark/schemas/usage/v1"
)

// migrated returns a database of the real engine with all tables and views.
func migrated(t testing.TB) (*stack.Stack, string) {
	t.Helper()
	s := stacktest.Start(t)
	db := stacktest.Database(t, s)
	for range 2 { // The second time changes nothing.
		for _, m := range Statements(db) {
			stacktest.Query(t, s, db, m.SQL)
		}
	}
	return s, db
}

// insert sends the columns as one block of Native, as the consumers do.
func insert(t testing.TB, s *stack.Stack, db, table string, c Columns) {
	t.Helper()
	var names []string
	for _, in := range c.Input() {
		names = append(names, Ident(in.Name))
	}
	var buf proto.Buffer
	if err := encodeBlock(&buf, c); err != nil {
		t.Fatal(err)
	}
	target := s.HTTPURL() + "/?" + url.Values{
		"database": {db}, "async_insert": {"0"}, "optimize_on_insert": {"0"},
		"query": {"INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") FORMAT Native"},
	}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, bytes.NewReader(buf.Buf))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("insert: HTTP %d: %s %v", resp.StatusCode, body, err)
	}
}

// fetch reads the named columns of a query back as rows.
func fetch(t testing.TB, s *stack.Stack, db string, like Columns, from string) []map[string]any {
	t.Helper()
	var names []string
	for _, in := range like.Input() {
		names = append(names, Ident(in.Name))
	}
	results, columns := decodersOf(t, like)
	out := stacktest.Query(t, s, db, "SELECT "+strings.Join(names, ", ")+" FROM "+from+
		" SETTINGS max_block_size = 1000000, max_threads = 1 FORMAT Native")
	var rows []map[string]any
	for r := proto.NewReader(strings.NewReader(out + "\n")); ; {
		var block proto.Block
		if err := block.DecodeRawBlock(r, 0, results); err != nil {
			break // The end; the comparison of the rows tells whether it was a good one.
		}
		for i := range block.Rows {
			rows = append(rows, rowAt(columns, i))
		}
		for _, col := range results {
			col.Data.Reset()
		}
	}
	return rows
}

func TestColumnsEqualTables(t *testing.T) {
	s, db := migrated(t)
	for _, spec := range Specs() {
		var got []string
		for _, in := range NewColumns(spec.Type).Input() {
			got = append(got, in.Name+" "+string(in.Data.Type()))
		}
		out := stacktest.Query(t, s, db, "SELECT name || ' ' || type FROM system.columns WHERE database = currentDatabase() AND table = "+
			Quote(spec.RawTable)+" AND default_kind != 'MATERIALIZED' ORDER BY position FORMAT TSVRaw")
		if strings.Join(got, "\n") != out {
			t.Errorf("%s: the columns\n%s\nare not those of the table\n%s", spec.RawTable, strings.Join(got, "\n"), out)
		}
	}
}

// TestStoredRowsEqualEvents writes random events of every type into the engine and reads them back through the views,
// with minutes and checksums.
func TestStoredRowsEqualEvents(t *testing.T) {
	s, db := migrated(t)
	for _, spec := range Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			r := seeded(t, 0)
			c := NewColumns(spec.Type)
			var want []map[string]any
			var sum uint64
			var metas []string
			for i := range 500 {
				e := randomEvent(r, spec.Type)
				at := Coordinates{Epoch: r.Uint32(), Partition: r.Int32N(1000), Offset: int64(i)}
				meta, err := c.Append(encodeEvent(t, e), at)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, rowOf(e, at))
				sum += meta.Checksum
				metas = append(metas, fmt.Sprintf("%d\t%d\t%d\t%d\t%d", at.Offset, meta.Minute, meta.Checksum, meta.Body, meta.Content))
			}
			insert(t, s, db, spec.RawTable, c)
			insert(t, s, db, spec.RawTable, c) // A copy, which the view must not show.
			if spec.Type != RunType {          // Whose view adds up the halves of its sums.
				compareRows(t, fetch(t, s, db, c, "(SELECT * FROM "+spec.Name+" ORDER BY offset)"), want)
			}
			distinct := "(SELECT DISTINCT * EXCEPT minute, minute FROM " + spec.RawTable + ")"
			got := stacktest.Query(t, s, db, "SELECT offset, minute, "+spec.ChecksumSQL()+", "+spec.BodySQL()+", "+spec.ContentSQL()+" FROM "+distinct+" ORDER BY offset")
			for i, line := range strings.Split(got, "\n") {
				if i >= len(metas) || line != metas[i] {
					t.Fatalf("offset, minute, checksum, body, content in the engine: %s, in Go: %s\nof %v", line, metas[min(i, len(metas)-1)], want[i])
				}
			}
			got = stacktest.Query(t, s, db, "SELECT toTypeName("+spec.ChecksumSQL()+"), sum("+spec.ChecksumSQL()+") FROM "+distinct+" GROUP BY 1")
			if got != "UInt64\t"+strconv.FormatUint(sum, 10) {
				t.Errorf("sum of checksums %s, want %d", got, sum)
			}
		})
	}
}

// appendCall appends a token call with the given identity and place.
func appendCall(t testing.TB, c Columns, id string, us int64, at Coordinates, change ...func(*usagev1.TokenCall)) {
	t.Helper()
	e := &usagev1.TokenCall{Source: "s", Id: id, TimeUs: new(us), Tenant: "t", Product: "p", Model: "m", Status: usagev1.Status_STATUS_OK}
	for _, f := range change {
		f(e)
	}
	if _, err := c.Append(encodeEvent(t, e), at); err != nil {
		t.Fatal(err)
	}
}

const day = 86_400_000_000

func TestViewShowsEachEventOnceAndPrunes(t *testing.T) {
	s, db := migrated(t)
	c := NewColumns(TokenCallType)
	const first = 1_790_000_000_000_000
	run := func(name string) func(*usagev1.TokenCall) { return func(e *usagev1.TokenCall) { e.Run = name } }
	// 200,000 events over 20 days in order of time, so that a granule spans little; then every tenth again from another
	// partition, of a lower number and from an earlier epoch, which is what counts.
	for i := range 200_000 {
		appendCall(t, c, strconv.Itoa(i), first+int64(i)*day/10_000, Coordinates{Epoch: 2, Partition: 3, Offset: int64(i)}, run("later"))
	}
	insert(t, s, db, "token_calls_raw", c)
	c.Reset()
	for i := 0; i < 200_000; i += 10 {
		appendCall(t, c, strconv.Itoa(i), first+int64(i)*day/10_000, Coordinates{Epoch: 1, Partition: 5, Offset: int64(i)}, run("first"))
	}
	insert(t, s, db, "token_calls_raw", c)
	got := stacktest.Query(t, s, db, "SELECT count(), uniqExact(identity), countIf(run = 'first'), (SELECT count() FROM token_calls_raw) FROM token_calls")
	if got != "200000\t200000\t20000\t220000" {
		t.Errorf("events, identities, first in the log, rows: %s", got)
	}
	hour := fmt.Sprintf("time >= fromUnixTimestamp64Micro(%d, 'UTC') AND time < fromUnixTimestamp64Micro(%d, 'UTC')", int64(first+10*day), int64(first+10*day+day/24))
	if got := stacktest.Query(t, s, db, "SELECT count() FROM token_calls WHERE "+hour); got != "417" {
		t.Errorf("%s events in an hour", got)
	}
	selected, all := granules(t, stacktest.Query(t, s, db, "EXPLAIN indexes = 1 SELECT count() FROM token_calls WHERE "+hour))
	if all < 20 || selected*5 > all {
		t.Errorf("a filter on time reads %d of %d granules", selected, all)
	}
	plan := stacktest.Query(t, s, db, "EXPLAIN actions = 1 SELECT count() FROM token_calls WHERE "+hour)
	if !strings.Contains(plan, "Read type: InOrder") {
		t.Errorf("the view sorts what the table has in order:\n%s", plan)
	}
}

// TestViewShowsHighestRevision states events again, before and after and far from one another.
func TestViewShowsHighestRevision(t *testing.T) {
	s, db := migrated(t)
	c := NewColumns(TokenCallType)
	say := func(id string, us int64, at Coordinates, revision, output uint64) {
		appendCall(t, c, id, us, at, func(e *usagev1.TokenCall) { e.Revision, e.OutputVisible = revision, &output })
	}
	say("grows", 60_000_000, Coordinates{Epoch: 1, Offset: 1}, 0, 3)
	say("grows", 60_000_000, Coordinates{Epoch: 1, Offset: 2}, 7, 20)
	say("grows", 60_000_000, Coordinates{Epoch: 1, Partition: 3, Offset: 1}, 9, 23)
	say("grows", 60_000_000, Coordinates{Epoch: 2, Offset: 0}, 8, 22)
	say("once", 60_000_000, Coordinates{Epoch: 1, Offset: 3}, 0, 100)
	say("once", 60_000_000, Coordinates{Epoch: 1, Offset: 9}, 0, 999) // Too far off to be called a conflict: the first counts.
	insert(t, s, db, "token_calls_raw", c)
	if got := stacktest.Query(t, s, db, "SELECT id, output_tokens, revision FROM token_calls ORDER BY id"); got != "grows\t23\t9\nonce\t100\t0" {
		t.Errorf("shown:\n%s", got)
	}
}

// TestRunSumsBeyond64Bits reads sums whose halves are apart.
func TestRunSumsBeyond64Bits(t *testing.T) {
	s, db := migrated(t)
	c := NewColumns(RunType)
	e := &usagev1.Run{Source: "s", Id: "r/token_calls", TimeUs: new(int64(1)), Tenant: "t", Run: "r", Kind: "generate", Type: "token_calls",
		InputTokens: 5, InputTokensHigh: 1, OutputTokens: math.MaxUint64, WeightHigh: 2}
	if _, err := c.Append(encodeEvent(t, e), Coordinates{}); err != nil {
		t.Fatal(err)
	}
	insert(t, s, db, "runs_raw", c)
	if got := stacktest.Query(t, s, db, "SELECT input_tokens, output_tokens, weight FROM runs"); got != "18446744073709551621\t18446744073709551615\t36893488147419103232" {
		t.Errorf("input, output, weight: %s", got)
	}
}

// granules returns how many granules the plan reads in the end and how many there are.
func granules(t testing.TB, plan string) (selected, all int) {
	t.Helper()
	selected = -1
	for line := range strings.Lines(plan) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Granules: "); ok {
			var a, b int
			if _, err := fmt.Sscanf(rest, "%d/%d", &a, &b); err != nil {
				t.Fatal(err)
			}
			selected, all = a, max(all, b)
		}
	}
	if selected < 0 {
		t.Fatalf("no granules in the plan:\n%s", plan)
	}
	return selected, all
}

func TestTokenTotals(t *testing.T) {
	s, db := migrated(t)
	n := func(x uint64) *uint64 { return &x }
	c := NewColumns(TokenCallType)
	cases := []struct {
		call usagev1.TokenCall
		want string
	}{
		{usagev1.TokenCall{}, `\N	\N`},
		{usagev1.TokenCall{InputUncached: n(1), OutputVisible: n(2)}, "1\t2"},
		{usagev1.TokenCall{InputCacheRead: n(3), OutputReasoning: n(0)}, "3\t0"},
		{usagev1.TokenCall{InputUncached: n(1), InputCacheRead: n(2), InputCacheWrite: n(4), OutputVisible: n(8), OutputReasoning: n(16)}, "7\t24"},
		{usagev1.TokenCall{InputCacheWrite: n(5)}, `5	\N`},
	}
	var want []string
	for i := range cases {
		appendCall(t, c, strconv.Itoa(i), 1, Coordinates{Offset: int64(i)}, func(e *usagev1.TokenCall) { protobuf.Merge(e, &cases[i].call) })
		want = append(want, cases[i].want)
	}
	insert(t, s, db, "token_calls_raw", c)
	if got := stacktest.Query(t, s, db, "SELECT input_tokens, output_tokens FROM token_calls ORDER BY offset"); got != strings.Join(want, "\n") {
		t.Errorf("totals\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestRawRowsCollapseOnlyByCoordinates(t *testing.T) {
	s, db := migrated(t)
	c := NewColumns(TokenCallType)
	appendCall(t, c, "a", 1, Coordinates{Offset: 1})
	appendCall(t, c, "a", 1, Coordinates{Offset: 2})
	insert(t, s, db, "token_calls_raw", c)
	insert(t, s, db, "token_calls_raw", c)
	stacktest.Query(t, s, db, "OPTIMIZE TABLE token_calls_raw FINAL")
	if got := stacktest.Query(t, s, db, "SELECT count() FROM token_calls_raw"); got != "2" {
		t.Errorf("%s rows after a merge, want one an offset", got)
	}
}

func TestQuoting(t *testing.T) {
	s := stacktest.Start(t)
	r := seeded(t, 0)
	texts := []string{"", "'", `\`, `\'`, "`", "\\`", "a\x00b", "\n\t", "é", "--", "/*"}
	for range 50 {
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = pick[byte](r, '\'', '\\', '`', '"', 0, 'a', '\n', 'n', byte(1+rand.IntN(127)))
		}
		texts = append(texts, string(b))
	}
	for _, text := range texts {
		if got := stacktest.Query(t, s, "", "SELECT hex("+Quote(text)+")"); got != fmt.Sprintf("%X", text) {
			t.Errorf("literal of %q reads back as %s", text, got)
		}
		if text == "" {
			continue
		}
		out := stacktest.Query(t, s, "", "SELECT 1 AS "+Ident(text)+" FORMAT RowBinaryWithNames")
		if want := "\x01" + string(rune(len(text))) + text; !strings.HasPrefix(out, want) {
			t.Errorf("identifier %q reads back as %q", text, out)
		}
	}
}
