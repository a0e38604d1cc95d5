package genai

import (
	"encoding/json"
	"regexp"

	"tidemark/producers/formats/jsonpath"
)

// Iteration is one sampling of a model within an answer of Anthropic: the API may compact the context first, ask an adviser
// in between, run tools and go on, and fall back to another model. The answer has the tokens of all of them.
type Iteration struct {
	Counts jsonpath.Object // In the shape of a usage object.
	Model  string          // Empty for the one that answered.
	// Beside says that the counts of the answer lack it. They are sums of the others at most: of its input they have the first one
	// if an adviser was asked.
	Beside bool
}

// modelDate is the date at the end of the name of a model, which some names of it lack.
var modelDate = regexp.MustCompile(`-\d{8}$`)

// SameModel reports whether two names are of one model of Anthropic.
func SameModel(a, b string) bool {
	return modelDate.ReplaceAllString(a, "") == modelDate.ReplaceAllString(b, "")
}

// Iterations returns the samplings that a usage object names; none if it names none.
func Iterations(usage jsonpath.Object) []Iteration {
	raw := usage["iterations"]
	var entries []jsonpath.Object
	if len(raw) == 0 || json.Unmarshal(raw, &entries) != nil {
		return nil
	}
	all, kinds, answered := make([]Iteration, len(entries)), make([]string, len(entries)), ""
	for i, entry := range entries {
		all[i].Counts, all[i].Model, kinds[i] = entry, entry.First("model"), entry.First("type")
		if !apartFrom(kinds[i]) {
			answered = all[i].Model // The last one answers.
		}
	}
	for i := range all {
		if all[i].Model != "" && SameModel(all[i].Model, answered) {
			all[i].Model = ""
		}
		all[i].Beside = apartFrom(kinds[i]) || all[i].Model != ""
	}
	return all
}

// apartFrom reports whether the counts of an answer never have a kind of sampling.
func apartFrom(kind string) bool { return kind == "compaction" || kind == "advisor_message" }

// samplings are sums over the iterations of an answer, of disjoint classes.
type samplings struct{ input, output, read, write count }

// readIterations adds up the iterations: those that the counts of the answer have a part of, and those beside it. An event
// is one call, so it has the tokens of all models.
func (u *usage) readIterations() (path, problem string) {
	for _, one := range Iterations(u.object) {
		sum := &u.within
		if one.Beside {
			sum = &u.beside
		}
		for _, of := range []struct {
			into *count
			path string
		}{
			{&sum.input, "input_tokens"}, {&sum.output, "output_tokens"}, {&sum.read, "cache_read_input_tokens"}, {&sum.write, "cache_creation_input_tokens"},
		} {
			var n count
			if path, problem := readCount(one.Counts, &n, []string{of.path}); problem != "" {
				return "iterations." + path, problem
			}
			of.into.add(n)
		}
	}
	return "", ""
}

// add adds another count, if it is known.
func (c *count) add(n count) {
	c.n, c.known = c.n+n.n, c.known || n.known
}

// complete makes the class of the answer that of all its iterations.
func (c *count) complete(within, beside count) {
	if within.known && within.n > c.n {
		c.n = within.n
	}
	c.known = c.known || within.known
	c.add(beside)
}
