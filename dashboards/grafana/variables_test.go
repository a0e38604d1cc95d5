package grafana

import (
	"slices"
	"testing"
)

// TestOpens: what a variable has when its dashboard is opened. The page's test of choose has the same order.
func TestOpens(t *testing.T) {
	options := []Option{{"Chat", "chat"}, {"Code", "code"}, {"Search", "search"}}
	variable := func(kind string, multi, all bool, current ...string) Variable {
		v := Variable{Name: "product", Type: kind, Multi: multi, IncludeAll: all}
		v.Current.Value = current
		return v
	}
	tests := map[string]struct {
		variable Variable
		options  []Option
		view     []string
		want     []string
	}{
		"the view first":                {variable("query", true, true, All), options, []string{"code"}, []string{"code"}},
		"a value that is no option":     {variable("query", false, false, "chat"), options, []string{"other"}, []string{"other"}},
		"one value, saved with All":     {variable("query", false, true, All), options, nil, []string{All}},
		"saved with All, not offered":   {variable("query", false, false, All), options, nil, []string{"chat"}},
		"saved with an option":          {variable("query", false, true, "code"), options, nil, []string{"code"}},
		"saved with several":            {variable("query", true, true, "code", "search"), options, nil, []string{"code", "search"}},
		"saved with several, takes one": {variable("query", false, false, "code", "search"), options, nil, []string{"code"}},
		"saved with one that is gone":   {variable("query", true, true, "gone", "search"), options, nil, []string{"search"}},
		"all that were saved are gone":  {variable("query", true, true, "gone"), options, nil, []string{All}},
		"nothing saved, with All":       {variable("query", false, true), options, nil, []string{All}},
		"nothing saved, without All":    {variable("query", false, false), options, nil, []string{"chat"}},
		"several, without All":          {variable("query", true, false), options, nil, []string{"chat"}},
		"All without options":           {variable("query", false, true, "gone"), nil, nil, []string{All}},
		"saved without options":         {variable("query", false, false, "tidemark"), nil, nil, []string{"tidemark"}},
		"nothing to choose":             {variable("query", false, false), nil, nil, []string{""}},
		"nothing to choose of several":  {variable("query", true, false), nil, nil, nil},
		"a constant":                    {variable("constant", false, false, "old"), []Option{{"1h", "1h"}}, nil, []string{"1h"}},
		"a text":                        {variable("textbox", false, false, "typed"), []Option{{"query", "query"}}, nil, []string{"typed"}},
		"a text that was never typed":   {variable("textbox", false, false), []Option{{"query", "query"}}, nil, []string{"query"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			saved := slices.Clone(tt.variable.Current.Value)
			if got := tt.variable.opens(tt.options, tt.view); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !slices.Equal(tt.variable.Current.Value, saved) {
				t.Errorf("the saved values became %q", tt.variable.Current.Value)
			}
		})
	}
}
