package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// View is a view of the database.
type View struct {
	Name, Comment string
	Columns       []Shown
	From          string // What follows FROM, with the names of relations in braces.
}

// Shown is a column of a view.
type Shown struct {
	Name    string
	SQL     string // Empty for the column of that name.
	Comment string
}

// ofEvents are the columns that a view of events computes beside those of its raw table, or instead of them.
var ofEvents = map[Type][]Shown{
	TokenCallType: {
		{Name: "calls", SQL: bare(calls), Comment: "How many calls the row stands for. Tokens and cost count weight times."},
		{Name: "input_tokens", SQL: tokensOfEvent(inputClasses),
			Comment: "The sum of the known classes, null if none is known."},
		{Name: "output_tokens", SQL: tokensOfEvent(outputClasses)},
		{Name: "total_tokens", SQL: bare(eachClass(slices.Concat(inputClasses, outputClasses), "ifNull(%s, 0)", " + ")), Comment: totalComment},
	},
	RunType: {
		{Name: "input_tokens", SQL: "toUInt128(r.input_tokens) + bitShiftLeft(toUInt128(r.input_tokens_high), 64)"},
		{Name: "output_tokens", SQL: "toUInt128(r.output_tokens) + bitShiftLeft(toUInt128(r.output_tokens_high), 64)"},
		{Name: "weight", SQL: "toUInt128(r.weight) + bitShiftLeft(toUInt128(r.weight_high), 64)"},
	},
}

// halves are columns of raw that a view of events does not show: it shows the whole numbers that they are a part of.
var halves = []string{"input_tokens_high", "output_tokens_high", "weight_high"}

// OnceSQL returns the ends of a query of the raw table that leave one record of each event: of those with the highest
// revision the first in the log. Further columns in by leave one record of each event for each of their values. LIMIT
// BY names the time, so that a filter on it reaches the table, and the rows are sorted minute by minute.
func (s Spec) OnceSQL(by ...string) (orderBy, limitBy string) {
	order := []string{"minute", "revision DESC", "epoch", "partition", "offset"}
	if !tables[s.Type].revised {
		order = slices.Delete(order, 1, 2)
	}
	return "ORDER BY " + strings.Join(order, ", "), "LIMIT 1 BY " + strings.Join(append(by, "time", "tenant", "identity"), ", ")
}

// eventView is the view that shows each event of a type once, see OnceSQL.
func eventView(spec Spec, raw *Table) View {
	v := View{Name: spec.Name, Comment: "Each event of " + raw.Name + " once: the record with the highest revision, and of those the first in the log."}
	if !tables[spec.Type].revised {
		v.Comment = "Each event of " + raw.Name + " once: the first record in the log."
	}
	for _, c := range raw.Columns {
		if !slices.Contains(halves, c.Name) {
			v.Columns = append(v.Columns, Shown{Name: c.Name})
		}
	}
	v.Columns = merge(v.Columns, ofEvents[spec.Type])
	order, limit := spec.OnceSQL()
	v.From = "{" + raw.Name + "} AS r\n" + order + "\n" + limit
	return v
}

// merge puts columns into a list: in place of one with the same name, or at the end.
func merge(columns, more []Shown) []Shown {
	for _, c := range more {
		if i := slices.IndexFunc(columns, func(old Shown) bool { return old.Name == c.Name }); i >= 0 {
			columns[i] = c
		} else {
			columns = append(columns, c)
		}
	}
	return columns
}

// rowsTable is the table behind a rollup: its rows of every version. raw has the types of its dimensions.
func rowsTable(r *Rollup, raw *Table) Table {
	t := Table{
		Name: r.Rows(), Comment: r.per() + ", in up to two versions per bucket. Read the view " + r.Name + ".",
		Columns: []Column{{"bucket", "DateTime64(0, 'UTC')", "CODEC(Delta(8), LZ4)", "The first second of the bucket."}},
		Engine:  "ReplacingMergeTree(version)",
		OrderBy: slices.Concat([]string{"bucket"}, r.Dims, []string{"slot"}),
	}
	if r.key != nil {
		t.OrderBy = append(slices.Clone(r.key), "slot")
	}
	if r.granularity != "" {
		t.Clauses = "SETTINGS index_granularity = " + r.granularity
	}
	for _, dim := range r.Dims {
		typ := find(raw.Columns, dim).Type
		if dim == bookDim {
			typ = "UInt32"
		}
		if typ == "" {
			typ = "LowCardinality(String)" // The name or value of a dimension.
		}
		t.Columns = append(t.Columns, Column{Name: dim, Type: typ})
	}
	for _, m := range r.Measures {
		t.Columns = append(t.Columns, Column{m.Column, m.Type, m.codec, m.Comment})
	}
	t.Columns = append(t.Columns, Column{"version", "UInt64", "CODEC(Delta(8), LZ4)", "See rollup_versions."}, Column{Name: "slot", Type: "UInt8"})
	return t
}

// rollupView is the view of a rollup: the published version of each bucket. A filter on bucket reaches both tables.
func rollupView(r *Rollup) View {
	v := View{Name: r.Name, Comment: r.per() + ": the published version of each bucket.", Columns: []Shown{{Name: "bucket"}}}
	for _, column := range r.Columns() {
		v.Columns = append(v.Columns, Shown{Name: column})
	}
	for _, c := range r.Shown {
		c.SQL = expand(c.SQL, func(column string) string { return "r." + column })
		v.Columns = merge(v.Columns, []Shown{c})
	}
	v.Columns = append(v.Columns, Shown{Name: "version"})
	if strings.HasSuffix(r.Name, EndingMinute) {
		v.From = "{" + r.Rows() + "} AS r\nINNER JOIN\n(\n    SELECT bucket, max(version) AS version\n    FROM {" + RollupVersionsTable + "}\n    WHERE rollup = " + Quote(r.Name) +
			"\n    GROUP BY bucket\n) AS published USING (bucket, version)"
		return v
	}
	// A join would copy the states; longer buckets are few enough for IN.
	v.From = "{" + r.Rows() + "} AS r\nWHERE (bucket, version) IN (SELECT bucket, max(version) FROM {" + RollupVersionsTable + "} WHERE rollup = " + Quote(r.Name) + " GROUP BY bucket)"
	return v
}

// perEventView shows events as rows of a rollup, for one tenant and a short range, since rollups per minute do not have
// the tenant. Its bucket is the event's moment, not rounded, so that a filter on it reaches the table, as one on the
// tenant does. Whoever groups by it rounds.
func perEventView(r *Rollup) View {
	v := View{
		Name: r.PerEvent, Comment: r.Of + " as rows of a rollup, one per event. The bucket is the event's moment, not rounded.",
		Columns: []Shown{{Name: "bucket", SQL: "e.time"}}, From: "{" + SpecOf(r.Types[0]).Name + "} AS e",
	}
	of := func(column string) string { return "e." + column }
	for _, dim := range r.Dims {
		v.Columns = append(v.Columns, Shown{Name: dim, SQL: of(dim)})
	}
	values := make(map[string]string)
	for _, m := range r.Measures {
		if !m.Placed {
			values[m.Column] = expand(m.row(), of)
			v.Columns = append(v.Columns, Shown{Name: m.Column, SQL: values[m.Column]})
		}
	}
	for _, c := range r.Shown {
		v.Columns = append(v.Columns, Shown{Name: c.Name, SQL: expand(c.SQL, func(column string) string { return "(" + values[column] + ")" })})
	}
	return v
}

// bucketSeconds is the length in seconds of the buckets of the rollup that a column names.
func bucketSeconds(column string) string {
	lengths := Lengths()
	longest := len(lengths) - 1
	text := "multiIf("
	for _, l := range lengths[:longest] {
		text += fmt.Sprintf("endsWith(%s, '_%s'), %d, ", column, l.Ending, l.Seconds())
	}
	return text + strconv.Itoa(lengths[longest].Seconds()) + ")"
}

// waitingSQL is an array of the rollups that wait where the one that a column names does: that one, and those made from it.
func waitingSQL(column string) string {
	from, waiting := map[string]string{}, map[string][]string{}
	for _, r := range Rollups() {
		from[r.Name] = r.From
		for source := r.From; source != ""; source = from[source] {
			waiting[source] = append(waiting[source], Quote(r.Name))
		}
	}
	sql := "arrayConcat([toString(" + column + ")], multiIf("
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		sql += fmt.Sprintf("%s = %s, [%s], ", column, Quote(name), strings.Join(waiting[name], ", "))
	}
	return sql + "emptyArrayString()))"
}

// progressView shows how far each rollup is complete. A bucket that begins at or before whole_until is whole: it was
// over when rollups were last published, and it does not wait for its turn together with the newest one. Late events
// may still change it; buckets that wait for late events alone hold nothing back. When nothing has been published for
// an hour, nothing is under way, and every bucket that is over is whole. A rollup that merges another waits for what that one waits for.
//
// Its key is name and not rollup, which is a keyword: the engine writes GROUP BY rollup down as ROLLUP and cannot read that
// back when it starts, and people could not group by it.
func progressView() View {
	never := "toDateTime64('2299-12-31 00:00:00', 6, 'UTC')"
	return View{
		Name: RollupProgressView, Comment: "How far each rollup is complete: a bucket that begins at or before whole_until is whole.",
		Columns: []Shown{
			{Name: "name", Comment: "Of the rollup."},
			{Name: "published_at", SQL: "max(published)"},
			{Name: "newest_bucket", SQL: "max(newest)"},
			{Name: "whole_until", SQL: `least(
        if(published_at < now64(6) - INTERVAL 1 HOUR, now64(6), published_at),
        arrayMin(arrayPushBack(
            arrayMap(range -> if(range.2 > newest_bucket, range.1, ` + never + `), groupArrayIf((waits_from, waits_to), waits)),
            ` + never + `))
    ) - toIntervalSecond(` + bucketSeconds("name") + `)`},
		},
		From: `(
    SELECT
        v.rollup AS name,
        fromUnixTimestamp64Micro(toInt64(version), 'UTC') AS published,
        bucket AS newest,
        false AS waits,
        toDateTime64(bucket, 6, 'UTC') AS waits_from,
        bucket AS waits_to
    FROM {` + RollupVersionsTable + `} AS v
    UNION ALL
    SELECT
        arrayJoin(` + waitingSQL("p.rollup") + `) AS name,
        toDateTime64('1900-01-01 00:00:00', 6, 'UTC') AS published,
        toDateTime64('1900-01-01 00:00:00', 0, 'UTC') AS newest,
        true AS waits,
        toDateTime64(from_bucket, 6, 'UTC') AS waits_from,
        to_bucket AS waits_to
    FROM {` + RollupPendingTable + `} AS p FINAL
    WHERE NOT done
) AS marks
GROUP BY name`,
	}
}
