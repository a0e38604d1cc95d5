package board

// TopTen is a sum per bucket by name, for a chart: the ten names with the greatest totals, and the others together as "other".
// A chart with a hundred lines shows nothing.
type TopTen struct {
	By    string // The column with the names.
	Sum   string
	Per   string // Another sum: the chart shows the first per this one, for the names with the greatest first.
	From  string // The relation.
	Where string // Default {:whole} AND {:chosen}.
}

// SQL returns one statement that reads the rows once: each name's total is summed over the buckets, and its place follows.
func (t TopTen) SQL() string {
	value, sums := "sum(v)", t.Sum+" AS v"
	if t.Per != "" {
		value, sums = "sum(v) / nullIf(sum(w), 0)", sums+", "+t.Per+" AS w"
	}
	if t.Where == "" {
		t.Where = "{:whole} AND {:chosen}"
	}
	return Fill(`
		SELECT time, if(place <= 10, n, 'other') AS name, {=value} AS value
		FROM (
			SELECT *, dense_rank() OVER (ORDER BY total DESC, n) AS place
			FROM (
				SELECT {:time} AS time, toString({{=by}}) AS n, {=sums}, sum(v) OVER (PARTITION BY n) AS total
				FROM {@{=from}} WHERE {=where} GROUP BY time, {{=by}}))
		GROUP BY time, name ORDER BY time, name`,
		map[string]string{"value": value, "by": t.By, "sums": sums, "from": t.From, "where": t.Where})
}
