package makecatalog

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"tidemark/schemas/catalog"
)

const modelsDevSource = "models.dev"

// maker is a provider that sells models of its own.
type maker struct {
	provider, organization string
	prefixes               []string // Of the ids of its own models; all are if empty.
}

// makes reports whether the model of that id is the provider's own.
func (m maker) makes(id string) bool {
	for _, prefix := range m.prefixes {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return len(m.prefixes) == 0
}

func readMakers() ([]maker, error) {
	rows, err := readTable("makers.csv", strings.NewReader(makersFile))
	if err != nil {
		return nil, err
	}
	var makers []maker
	for _, r := range rows {
		makers = append(makers, maker{provider: r["provider"], organization: r["organization"], prefixes: strings.Fields(r["prefixes"])})
	}
	return makers, nil
}

// modelsDev is what the makers' own providers state.
type modelsDev struct {
	models map[string]catalog.Model // By id.
	ids    map[string]string        // By provider/id.
	notes  []string                 // What they disagree about.
}

func readModelsDev(dir string, makers []maker) (*modelsDev, error) {
	rows, err := readFile(filepath.Join(dir, "models_dev.csv"))
	if err != nil {
		return nil, err
	}
	d := &modelsDev{models: map[string]catalog.Model{}, ids: map[string]string{}}
	for _, m := range makers { // In their order, which decides nothing: who disagrees is not believed.
		found := 0
		for _, r := range rows {
			if r["provider"] != m.provider || !m.makes(r["model_id"]) {
				continue
			}
			found++
			if err := d.add(m, r); err != nil {
				return nil, err
			}
		}
		if found == 0 {
			return nil, fmt.Errorf("makers.csv: models.dev has no model of %s", m.provider)
		}
	}
	return d, nil
}

func (d *modelsDev) add(m maker, r row) error {
	id := r["model_id"]
	d.ids[m.provider+"/"+id] = id
	model := catalog.Model{ID: id, Organization: fact(m.organization, modelsDevSource), ReleaseDate: fact(wholeDate(r["release_date"]), modelsDevSource)}
	switch r["open_weights"] {
	case "True":
		model.Weights = fact(catalog.Open, modelsDevSource)
	case "False":
		model.Weights = fact(catalog.Closed, modelsDevSource)
	}
	known, again := d.models[id]
	if again && known.Organization != model.Organization {
		return fmt.Errorf("makers.csv: both %s and %s make %s", known.Organization.Value, m.organization, id)
	}
	if again {
		d.agree(id, "weights", &model.Weights, known.Weights)
		d.agree(id, "release_date", &model.ReleaseDate, known.ReleaseDate)
	}
	d.models[id] = model
	return nil
}

// agree empties a fact that another provider of the same maker contradicts.
func (d *modelsDev) agree(id, what string, f *catalog.Fact, other catalog.Fact) {
	if *f != other {
		d.notes = append(d.notes, fmt.Sprintf("%s: %s is left to others: its maker states both %s and %s", id, what, other, *f))
		*f = catalog.Fact{}
	}
}

// wholeDate returns a date that has a day; a month or a year alone is none.
func wholeDate(s string) string {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return ""
	}
	return s
}

// fact is known if it has a value.
func fact(value, source string) catalog.Fact {
	if value == "" {
		return catalog.Fact{}
	}
	return catalog.Fact{Value: value, Source: source}
}
