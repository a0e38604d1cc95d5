package schemas

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidemark/internal/test/env"
)

// conditions are the fields that others make required, and by what.
var conditions = map[string]string{
	"token_calls.reported_cost_nanos": "with reported_cost_picos",
	"token_calls.cost_currency":       "with reported_cost_nanos",
	"model_events.base_model":         "of a derivative",
}

// said is how the contract says the rule of a field.
func said(typ Type, f field) string {
	out := "Optional"
	if condition := conditions[typ.String()+"."+f.name]; condition != "" {
		out = "Required " + condition
	} else if f.required {
		out = "Required"
	}
	limit := "at most " + short(float64(f.max))
	switch {
	case f.pattern == patternUpper:
		return out + fmt.Sprintf("; %d letters A to Z.", f.max)
	case f.byWeight:
		return out + "; " + limit + ", and times weight at most " + short(maxWeighted) + "."
	case f.kind == kindText || f.kind == kindLowCardinality:
		return out + "; " + limit + " bytes."
	case f.kind == kindTime:
		return out + fmt.Sprintf("; of the years %d to %d.", time.UnixMicro(minTime).UTC().Year(), time.UnixMicro(maxTime).UTC().Year())
	case f.kind == kindEnum && f.required:
		return out + "; one of the values, not 0."
	case f.kind == kindEnum:
		return out + "; one of the values."
	case f.kind == kindFloat:
		return out + "; finite."
	case f.kind == kindNullableMoney:
		return out + "; at most " + short(maxMoney) + " either side of 0."
	case f.kind == kindBool:
		return out + "."
	case f.max == math.MaxUint64:
		return out + "; any number."
	}
	return out + "; " + limit + "."
}

func short(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'g', -1, 64), "e+", "e", 1)
}

var (
	protoMessage = regexp.MustCompile(`(?ms)^message (\w+) \{\n(.*?)^\}`)
	protoField   = regexp.MustCompile(`(?m)^  (?:optional )?\w+ (\w+) = (\d+);(.*)$`)
)

// code is a name in a page of docs.
var code = regexp.MustCompile("`([^`]+)`")

// named are the names in a cell of a table.
func named(cell string) map[string]bool {
	names := map[string]bool{}
	for _, m := range code.FindAllStringSubmatch(cell, -1) {
		names[m[1]] = true
	}
	return names
}

// TestPageSaysTheRules holds the tables of the page for senders, required fields and limits, against the rules. What Tidemark
// alone sends, the truth about a run, is not there.
func TestPageSaysTheRules(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "docs", "sending-events.md"))
	if err != nil {
		t.Fatal(err)
	}
	required, limits := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, tab := range tables[:RunType] {
		fields := map[string]bool{}
		for _, f := range tab.fields {
			if f.required {
				fields[f.name] = true
			}
			_, limit, limited := strings.Cut(strings.TrimSuffix(said(tab.spec.Type, f), "."), "; ")
			if !limited || strings.HasPrefix(limit, "any ") || strings.HasPrefix(limit, "one of ") || f.max == maxText && (f.kind == kindLowCardinality || f.kind == kindText) {
				continue
			}
			if limits[limit] == nil {
				limits[limit] = map[string]bool{}
			}
			limits[limit][f.name] = true
		}
		name := NewEvent(tab.spec.Type).ProtoReflect().Descriptor().Name()
		required["`"+TopicName(DefaultNamespace, tab.spec.Topic)+"` | `"+string(name)+"`"] = fields
	}
	f := func(what string, want map[string]map[string]bool) {
		t.Helper()
		for row, names := range want {
			m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(row) + ` \| (.*) \|$`).FindSubmatch(page)
			if m == nil || !maps.Equal(named(string(m[1])), names) {
				t.Errorf("%s: the page says %q of %s, want %v", what, m, row, slices.Sorted(maps.Keys(names)))
			}
		}
	}
	f("required", required)
	f("limits", limits)
	for field, condition := range conditions {
		_, name, _ := strings.Cut(field, ".")
		row := "| `" + name + "` | "
		if !strings.Contains(string(page), row) {
			t.Errorf("the page does not say that %s is required %s", name, condition)
		}
	}
}

// TestContractSaysTheRules holds what usage.proto says of every field, which is all that a producer in another language reads,
// against the rules.
func TestContractSaysTheRules(t *testing.T) {
	source, err := os.ReadFile("usage/v1/usage.proto")
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string]string{}
	for _, m := range protoMessage.FindAllStringSubmatch(string(source), -1) {
		messages[m[1]] = m[2]
	}
	for _, tab := range tables {
		typ := tab.spec.Type
		name := string(NewEvent(typ).ProtoReflect().Descriptor().Name())
		rules := map[string]string{}
		for _, f := range tab.fields {
			rules[f.name] = said(typ, f)
		}
		for _, m := range protoField.FindAllStringSubmatch(messages[name], -1) {
			if want := " // " + rules[m[1]]; m[3] != want {
				t.Errorf("%s.%s says%q, want%q", name, m[1], m[3], want)
			}
			delete(rules, m[1])
		}
		if len(rules) > 0 {
			t.Errorf("%s lacks %v", name, rules)
		}
	}
}
