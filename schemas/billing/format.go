package billing

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// formats are the forms of files.
var formats = []struct {
	name, source string
	read         func(content []byte, c *collector) error
}{
	{"openai-usage", "openai", func(content []byte, c *collector) error { return readOpenAI(content, c, Usage) }},
	{"openai-costs", "openai", func(content []byte, c *collector) error { return readOpenAI(content, c, Cost) }},
	{"anthropic-usage", "anthropic", func(content []byte, c *collector) error { return readAnthropic(content, c, Usage) }},
	{"anthropic-costs", "anthropic", func(content []byte, c *collector) error { return readAnthropic(content, c, Cost) }},
	{"litellm-logs", "litellm", readSpendLogs},
	{"litellm-daily", "litellm", readDailyActivity},
	{"focus", "focus", readFOCUS},
}

// Formats returns the names of the formats, with commas between.
func Formats() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// FormatOf says of which format a file is.
func FormatOf(content []byte) (string, error) {
	head := bytes.TrimLeft(content, " \t\r\n\ufeff")
	if len(head) == 0 {
		return "", errors.New("it is empty")
	}
	if head[0] != '{' && head[0] != '[' {
		line, _, _ := bytes.Cut(head, []byte("\n"))
		if bytes.Contains(line, []byte("BilledCost")) {
			return "focus", nil
		}
		return "", errors.New("it is neither JSON nor a CSV file with the column BilledCost")
	}
	found, buckets := "", ""
	err := pages(content, "data", func(_ int, v value) error {
		if found, buckets = formatOf(v); found != "" {
			return errStop
		}
		return nil
	})
	switch {
	case found != "":
		return found, nil
	case buckets != "":
		return "", errors.New("no bucket of it has a result, so it may be usage or costs: say which one with --format " + buckets + "-usage or " + buckets + "-costs")
	case err != nil:
		return "", err
	}
	return "", errors.New("it is of none of the formats " + Formats())
}

// formatOf returns the format of an item. If it is a bucket without results, it returns whose.
func formatOf(v value) (format, buckets string) {
	has := func(name string) bool { return v.fields[name].kind != 0 }
	switch {
	case has("start_time") && has("results"):
		buckets = "openai"
	case has("starting_at") && has("results"):
		buckets = "anthropic"
	case has("request_id") && has("spend"):
		return "litellm-logs", ""
	case has("date") && has("spend"), has("date") && has("metrics"):
		return "litellm-daily", ""
	case has("results"):
		if slices.ContainsFunc(v.fields["results"].list, func(one value) bool { return one.fields["metrics"].kind != 0 }) {
			return "litellm-daily", ""
		}
	case has("BilledCost"):
		return "focus", ""
	}
	if results := v.fields["results"].list; len(results) > 0 {
		if results[0].fields["amount"].kind != 0 {
			return buckets + "-costs", ""
		}
		return buckets + "-usage", ""
	}
	return "", buckets
}
