package makecatalog

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tidemark/schemas/catalog"
)

const epochSource = "Epoch AI"

// epochFiles are Epoch AI's lists, the newest first.
var epochFiles = []string{"notable_ai_models.csv", "large_scale_ai_models.csv", "frontier_ai_models.csv", "all_ml_systems_2025-06.csv.gz"}

// epoch is what Epoch AI states.
type epoch struct {
	models    map[string]row      // By name; the columns' first values that are not empty.
	countries map[string][]string // By organization: those of the models that it made alone, in the first list that has any.
}

// readEpoch reads the lists with these names; the first that has a value counts.
func readEpoch(dir string, names []string) (*epoch, error) {
	e := &epoch{models: map[string]row{}, countries: map[string][]string{}}
	for _, name := range names {
		rows, err := readFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		here := map[string][]string{}
		for _, r := range rows {
			known := e.models[r["model"]]
			if known == nil {
				known = row{}
				e.models[r["model"]] = known
			}
			for _, column := range []string{"organization", "publication_date", "model_accessibility", "country"} {
				if known[column] == "" {
					known[column] = r[column]
				}
			}
			if organizations := list(r["organization"]); len(organizations) == 1 && r["country"] != "" {
				here[organizations[0]] = union(here[organizations[0]], list(r["country"]))
			}
		}
		for organization, countries := range here {
			if e.countries[organization] == nil {
				e.countries[organization] = countries
			}
		}
	}
	return e, nil
}

// facts returns what the record of that name states.
func (e *epoch) facts(name string, makers []maker) (catalog.Model, error) {
	var m catalog.Model
	record, known := e.models[name]
	if !known {
		return m, fmt.Errorf("aliases.csv: Epoch AI has no model %q", name)
	}
	m.Organization = fact(organization(list(record["organization"]), makers), epochSource)
	m.ReleaseDate = fact(wholeDate(record["publication_date"]), epochSource)
	country, err := one(union(nil, list(record["country"])))
	if err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	m.Country = fact(country, epochSource)
	switch access := record["model_accessibility"]; {
	case strings.HasPrefix(access, "Open weights"):
		m.Weights = fact(catalog.Open, epochSource)
	case access == "API access", access == "Hosted access (no API)":
		m.Weights = fact(catalog.Closed, epochSource)
	}
	return m, nil
}

// country returns where the organization is.
func (e *epoch) country(organization string) (catalog.Fact, error) {
	country, err := one(e.countries[organization])
	if err != nil {
		return catalog.Fact{}, fmt.Errorf("%s: %w", organization, err)
	}
	return fact(country, epochSource), nil
}

// organization returns the one among the makers of a model that offers models itself; all of them when that is none or
// several.
func organization(names []string, makers []maker) string {
	var offers []string
	for _, name := range names {
		if slices.ContainsFunc(makers, func(m maker) bool { return m.organization == name }) {
			offers = append(offers, name)
		}
	}
	if len(offers) == 1 {
		return offers[0]
	}
	return strings.Join(names, ", ")
}

// one returns the code of a country if the names are just that one.
func one(names []string) (string, error) {
	if len(names) != 1 || names[0] == "Multinational" {
		return "", nil
	}
	code, known := codes[names[0]]
	if !known {
		return "", fmt.Errorf("country %q has no code in codes", names[0])
	}
	return code, nil
}

// codes are ISO 3166-1 alpha-2, by the names that Epoch AI uses.
var codes = map[string]string{
	"Argentina": "AR", "Armenia": "AM", "Australia": "AU", "Austria": "AT", "Belgium": "BE", "Brazil": "BR", "Bulgaria": "BG",
	"Canada": "CA", "China": "CN", "Croatia": "HR", "Czechia": "CZ", "Denmark": "DK", "Finland": "FI", "France": "FR",
	"Germany": "DE", "Greece": "GR", "Hong Kong": "HK", "Hungary": "HU", "Iceland": "IS", "India": "IN", "Indonesia": "ID",
	"Iran (Islamic Republic of)": "IR", "Ireland": "IE", "Israel": "IL", "Italy": "IT", "Japan": "JP", "Korea (Republic of)": "KR",
	"Lebanon": "LB", "Lithuania": "LT", "Luxembourg": "LU", "Malaysia": "MY", "Netherlands": "NL", "New Zealand": "NZ",
	"Norway": "NO", "Poland": "PL", "Portugal": "PT", "Russia": "RU", "Saudi Arabia": "SA", "Singapore": "SG", "Spain": "ES",
	"Sweden": "SE", "Switzerland": "CH", "Taiwan": "TW", "Thailand": "TH", "Ukraine": "UA", "United Arab Emirates": "AE",
	"United Kingdom of Great Britain and Northern Ireland": "GB", "United States of America": "US", "Vietnam": "VN",
}

// list takes a list apart, without the empty.
func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// union adds what is not in a yet.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
