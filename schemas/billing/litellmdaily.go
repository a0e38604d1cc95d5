package billing

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark/schemas"
)

// readDailyActivity reads LiteLLM's daily activity: days with a breakdown by provider and by model, or rows of its tables, which have a date, a provider
// and a model each.
func readDailyActivity(content []byte, c *collector) error {
	days := map[string]int{}
	return pages(content, "results", func(n int, v value) error {
		row := place{v, fmt.Sprintf("row %d", n)}
		text, err := row.label("date")
		if err != nil {
			return err
		}
		from, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return row.wrong("date", "%s is not a day such as 2026-11-01", schemas.Excerpt(text))
		}
		span := Span{from, from.Add(day)}
		if err := span.validate(); err != nil {
			return row.wrong("date", "%w", err)
		}
		c.cover(Usage, span)
		c.cover(Cost, span)
		if err := row.known(dailyFields); err != nil {
			return err
		}
		o := Observation{From: span.From, To: span.To}
		if row.fields["metrics"].kind == 0 {
			return dailyRow(c, row, o)
		}
		if before, twice := days[text]; twice {
			return row.wrong("date", "%s is there twice, first in row %d: pages overlap", text, before)
		}
		days[text] = n
		return dailyBreakdown(c, row, o)
	})
}

// dailyRow reads a row of one of the tables of daily spend.
func dailyRow(c *collector, row place, o Observation) error {
	var provider string
	if err := row.labels(map[string]*string{"custom_llm_provider": &provider, "model": &o.Model, "team_id": &o.Project}); err != nil {
		return err
	}
	o.Provider, o.Model = litellmNames(provider, o.Model)
	return dailyMetrics(c, row, o)
}

// dailyBreakdown reads a day. Its parts by model do not name the provider: they count if there is only one.
func dailyBreakdown(c *collector, row place, o Observation) error {
	breakdown := place{row.fields["breakdown"], row.path + ", breakdown"}
	providers, err := dailyParts(row, breakdown, "providers")
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(providers))
	if len(names) == 1 && len(breakdown.fields["models"].fields) > 0 {
		models, err := dailyParts(row, breakdown, "models")
		if err != nil {
			return err
		}
		for _, model := range slices.Sorted(maps.Keys(models)) {
			o.Provider, o.Model = litellmNames(names[0], model)
			if err := dailyMetrics(c, models[model], o); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range names {
		o.Provider, _ = litellmNames(name, "")
		if err := dailyMetrics(c, providers[name], o); err != nil {
			return err
		}
	}
	return nil
}

// dailyParts returns the metrics of the parts of a day, whose tokens must be those of the day.
func dailyParts(row, breakdown place, by string) (map[string]place, error) {
	metrics := place{row.fields["metrics"], row.path + ", metrics"}
	parts := map[string]place{}
	sums := map[string]uint64{}
	fields := []string{"prompt_tokens", "completion_tokens", "api_requests"}
	for name, v := range breakdown.fields[by].fields {
		if _, err := checked(name, func(format string, args ...any) error { return breakdown.wrong(by, format, args...) }); err != nil {
			return nil, err
		}
		part := place{v, fmt.Sprintf("%s, %s, %s", breakdown.path, by, name)}
		if inner := v.fields["metrics"]; inner.kind == objectValue { // Versions before 1.66 have the numbers without it.
			part.value = inner
		}
		parts[name] = part
		for _, field := range fields {
			n, err := part.count(field)
			if err != nil {
				return nil, err
			}
			if n != nil {
				sums[field] += *n
			}
		}
	}
	for _, field := range fields {
		n, err := metrics.count(field)
		if err != nil {
			return nil, err
		}
		if n != nil && *n != sums[field] {
			return nil, breakdown.wrong(by, "its parts have %d %s, and the day has %d", sums[field], field, *n)
		}
	}
	return parts, metrics.known(dailyFields)
}

// dailyMetrics adds the numbers of a day, or a part of it.
func dailyMetrics(c *collector, m place, o Observation) error {
	if err := m.known(dailyFields); err != nil {
		return err
	}
	t := &o.Tokens
	err := m.counts(map[string]**uint64{
		"prompt_tokens": &t.Input, "completion_tokens": &t.Output, "cache_read_input_tokens": &t.CacheRead, "cache_creation_input_tokens": &t.CacheWrite,
		"api_requests": &o.Requests,
	})
	if err != nil {
		return err
	}
	if t.Input == nil || t.CacheRead == nil || t.CacheWrite == nil || split(t) != nil {
		c.skip(oddSplit)
		t.CacheRead, t.CacheWrite = nil, nil
	}
	usage := o
	usage.Kind = Usage
	if err := c.add(usage); err != nil {
		return m.wrong("prompt_tokens", "%w", err)
	}
	return litellmSpend(c, m, o)
}
