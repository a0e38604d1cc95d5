package dashboards

// topTen is a sum per bucket by name, for a chart: the ten names with the greatest totals, and the others together as "other".
// A chart with a hundred lines shows nothing.
type topTen struct {
	by    string // The column with the names.
	sum   string
	per   string // Another sum: the chart shows the first per this one, the names being those with the greatest first.
	from  string // The relation.
	where string // Default {:whole} AND {:chosen}.
}

// sql is one pass: each name's total is summed over the buckets, and its place follows.
func (t topTen) sql() string {
	value, sums := "sum(v)", t.sum+" AS v"
	if t.per != "" {
		value, sums = "sum(v) / nullIf(sum(w), 0)", sums+", "+t.per+" AS w"
	}
	if t.where == "" {
		t.where = "{:whole} AND {:chosen}"
	}
	return fill(`
		SELECT time, if(place <= 10, n, 'other') AS name, {=value} AS value
		FROM (
			SELECT *, dense_rank() OVER (ORDER BY total DESC, n) AS place
			FROM (
				SELECT {:time} AS time, toString({{=by}}) AS n, {=sums}, sum(v) OVER (PARTITION BY n) AS total
				FROM {@{=from}} WHERE {=where} GROUP BY time, {{=by}}))
		GROUP BY time, name ORDER BY time, name`,
		map[string]string{"value": value, "by": t.by, "sums": sums, "from": t.from, "where": t.where})
}
