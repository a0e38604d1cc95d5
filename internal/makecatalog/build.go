// Package makecatalog makes the catalog of models that is shipped out of data of Epoch AI and of models.dev.
//
// Each fact comes from the first of three that states it: Epoch AI; the maker's own provider in models.dev, never a
// reseller; stated.csv, with what the news article says that the scenario open-closed replays. A fact that none states is
// left unknown, and so is one on which two providers of the same maker disagree. Which record speaks of which id is in
// aliases.csv, and who makes what in makers.csv: no name is matched by likeness.
//
//	epoch-ai, models-dev, the three lists -> File -> schemas/catalog/default.csv (written by cmd)
package makecatalog

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tidemark/schemas/catalog"
)

var (
	//go:embed makers.csv
	makersFile string
	//go:embed aliases.csv
	aliasesFile string
	//go:embed stated.csv
	statedFile string
)

// alias is the records that speak of an id; a name is empty where there is none.
type alias struct{ epoch, modelsDev string }

// builder holds what is known while the catalog is put together.
type builder struct {
	makers  []maker
	epoch   *epoch
	dev     *modelsDev
	aliases map[string]alias         // By id.
	stated  map[string]catalog.Model // By id.
}

// File returns the catalog as a file, and notes on what the sources disagree about. data is a folder that has the folders
// epoch-ai and models-dev.
func File(data string) (file []byte, notes []string, err error) {
	models, notes, err := build(data)
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	if err := catalog.Write(&out, models); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), notes, nil
}

// build returns the catalog in the order of its ids, and notes on what was left out.
func build(data string) ([]catalog.Model, []string, error) {
	b := builder{}
	var err error
	if b.makers, err = readMakers(); err != nil {
		return nil, nil, err
	}
	if b.epoch, err = readEpoch(filepath.Join(data, "epoch-ai"), epochFiles); err != nil {
		return nil, nil, err
	}
	if b.dev, err = readModelsDev(filepath.Join(data, "models-dev"), b.makers); err != nil {
		return nil, nil, err
	}
	if b.aliases, err = readAliases(); err != nil {
		return nil, nil, err
	}
	if b.stated, err = readStated(); err != nil {
		return nil, nil, err
	}
	ids := map[string]bool{}
	for id := range b.aliases {
		ids[id] = true
	}
	for id := range b.dev.models {
		ids[id] = true
	}
	for id := range b.stated {
		ids[id] = true
	}
	var models []catalog.Model
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		m, err := b.model(id)
		errs = append(errs, err)
		models = append(models, m)
	}
	return models, b.dev.notes, errors.Join(errs...)
}

// model puts together what is known of an id.
func (b *builder) model(id string) (catalog.Model, error) {
	var m catalog.Model
	a := b.aliases[id]
	if a.epoch != "" {
		var err error
		if m, err = b.epoch.facts(a.epoch, b.makers); err != nil {
			return m, err
		}
	}
	m.ID = id
	fromMaker, own := b.dev.models[id]
	if a.modelsDev != "" {
		of, known := b.dev.ids[a.modelsDev]
		if !known {
			return m, fmt.Errorf("aliases.csv: models.dev has no %s, or it is not of a maker's own", a.modelsDev)
		}
		if !own { // What the maker says of the very id comes first.
			fromMaker = b.dev.models[of]
		}
	}
	fill(&m, fromMaker)
	fill(&m, b.stated[id])
	if m.Country.Value == "" {
		var err error
		if m.Country, err = b.epoch.country(m.Organization.Value); err != nil {
			return m, err
		}
	}
	return m, nil
}

// fill adds what is unknown in m from a source of lower rank.
func fill(m *catalog.Model, from catalog.Model) {
	for _, f := range []struct {
		known *catalog.Fact
		other catalog.Fact
	}{
		{&m.Weights, from.Weights}, {&m.License, from.License}, {&m.Organization, from.Organization},
		{&m.Country, from.Country}, {&m.ReleaseDate, from.ReleaseDate},
	} {
		if f.known.Value == "" {
			*f.known = f.other
		}
	}
}

func readAliases() (map[string]alias, error) {
	rows, err := readTable("aliases.csv", strings.NewReader(aliasesFile))
	if err != nil {
		return nil, err
	}
	aliases := map[string]alias{}
	for _, r := range rows {
		for _, id := range strings.Fields(r["ids"]) {
			if _, twice := aliases[id]; twice {
				return nil, fmt.Errorf("aliases.csv: %s stands in two lines", id)
			}
			aliases[id] = alias{epoch: r["epoch"], modelsDev: r["models_dev"]}
		}
	}
	return aliases, nil
}

func readStated() (map[string]catalog.Model, error) {
	models, err := catalog.Parse("stated.csv", strings.NewReader(statedFile))
	if err != nil {
		return nil, err
	}
	stated := map[string]catalog.Model{}
	for _, m := range models {
		stated[m.ID] = m
	}
	return stated, nil
}
