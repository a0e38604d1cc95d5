package board

import (
	"fmt"
	"strings"
)

// TopTen is a sum per bucket by name, for a chart: the ten names with the greatest totals, and the others together as "other". What has no
// name is one of them, NotGiven.
// A chart with a hundred lines shows nothing.
type TopTen struct {
	By    string // The column with the names.
	Sum   string
	Per   string // Another sum: the chart shows the first per this one, for the names with the greatest first.
	From  string // The relation.
	Where string // Default {:whole} AND {:chosen}.
	Gaps  bool   // A bucket without rows is unknown, not 0.
}

// NotGiven stands where an event does not say a name, such as the provider of a call.
const NotGiven = "not given"

// Enough is how many calls a bucket needs for a ratio or a percentile: one error in three calls is no rate of a third.
const Enough = "20"

// SQL returns one statement that reads the rows once: each name's total is summed over the buckets, and its place follows.
func (t TopTen) SQL() string {
	value, sums, none := "sum(v)", t.Sum+" AS v", "0"
	if t.Per != "" {
		value, sums, none = "if(sum(w) < "+Enough+", NULL, sum(v) / sum(w))", sums+", "+t.Per+" AS w", "NULL"
	}
	if t.Gaps {
		none = "NULL"
	}
	if t.Where == "" {
		t.Where = "{:whole} AND {:chosen}"
	}
	series := Fill(`
		SELECT time, multiIf(place > 10, 'other', n = '', '{=none given}', n) AS name, {=value} AS value
		FROM (
			SELECT *, dense_rank() OVER (ORDER BY total DESC, n) AS place
			FROM (
				SELECT {:time} AS time, toString({{=by}}) AS n, {=sums}, sum(v) OVER (PARTITION BY n) AS total
				FROM {@{=from}} WHERE {=where} GROUP BY time, {{=by}}))
		GROUP BY time, name`,
		map[string]string{"none given": NotGiven, "value": value, "by": t.By, "sums": sums, "from": t.From, "where": t.Where})
	if !strings.Contains(t.From, "?") {
		return series + " ORDER BY time, name"
	}
	return NamesAtEach("{:buckets "+t.From+"}", none, series)
}

// AtEach returns a series of columns with a row at each time of an array, in which the columns have what stands for no value: 0 or
// NULL. Then a bar is as wide as its bucket, and a line ends where its data does. A series without any row stays empty.
func AtEach(times, none, series string, columns ...string) string {
	return atEach("", times, none, series, columns)
}

// NamesAtEach does so for series by name, with the columns time, name and value. The first name gets the rows: a time has a point
// in every series once it has one in any.
func NamesAtEach(times, none, series string) string {
	return atEach("name, ", times, none, series, []string{"value"})
}

func atEach(names, times, none, series string, columns []string) string {
	var cells, nones, sums string
	for i, column := range columns {
		cells, nones = cells+`, "`+column+`"`, nones+", "+none
		sums += fmt.Sprintf(`, sum(point.%d) AS "%s"`, i+2, column)
	}
	return Fill(`
		SELECT point.1 AS time, {=names}{=sums}
		FROM (SELECT {=names}(time{=cells}) AS row, row_number() OVER (ORDER BY {=names}time) = 1 AS first FROM ({=series}))
		ARRAY JOIN arrayConcat([row], arrayMap(t -> (t{=nones}), if(first, {=times}, []))) AS point
		GROUP BY {=names}time ORDER BY time{=then}`, map[string]string{
		"names": names, "sums": strings.TrimPrefix(sums, ", "), "cells": cells, "nones": nones, "times": times, "series": series,
		"then": strings.TrimSuffix(strings.TrimSuffix(", "+names, " "), ","),
	})
}
