// Package dashboards makes Tidemark's Grafana dashboards: one function a dashboard, one a panel, presets for the kinds of
// panels, SQL whose names are checked against schemas.
//
//	usage, models, pipeline, tenant -> board -> resolver (names) -> Grafana's JSON
//	                                                             -> json/*.json, which Grafana and the preview read
//
// What a panel shows comes from the rollups, in the grain that the range asks for, and from the ledger and the audits. Of
// single events a panel reads an hour at most, and of a chosen tenant six, since rollups by minute do not tell tenants apart.
package dashboards

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"tidemark/schemas"
)

// committed are the files that Generate wrote last.
//
//go:embed json/*.json
var committed embed.FS

// File is one dashboard as Grafana reads it from a file.
type File struct {
	UID     string // Also the name of the file: json/<UID>.json.
	Title   string
	JSON    []byte
	Allowed map[uint32]string // The panels that may be empty when all is well, by id, and the text they show then.
}

// boards are all dashboards, in the order in which people should meet them.
func boards() []board {
	return []board{usage(), models(), pipeline(), tenant(), adoption(), launch()}
}

// fragments is the SQL by name that panels and alerts share.
func fragments() map[string]string {
	all := map[string]string{}
	for _, some := range []map[string]string{
		healthFragments(), pipelineFragments(), usageFragments(), modelFragments(), tenantFragments(), adoptionFragments(),
		launchFragments(), alertFragments(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// Generate makes all dashboards. An error lists every name in their SQL that the schema does not have, with its panel.
func Generate() ([]File, error) {
	relations, err := schemas.Relations()
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return generate(boards(), relations)
}

func generate(boards []board, relations map[string]schemas.Relation) ([]File, error) {
	r := newResolver(relations, fragments())
	var files []File
	for _, b := range boards {
		d, err := b.build(r)
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d); err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", b.uid, err)
		}
		files = append(files, File{UID: b.uid, Title: b.title, JSON: text.Bytes(), Allowed: b.allowed()})
	}
	if len(r.problems) > 0 {
		return nil, errors.New(strings.Join(r.problems, "\n"))
	}
	return files, nil
}

func (b board) allowed() map[uint32]string {
	out := map[uint32]string{}
	for _, row := range b.rows {
		for _, p := range row.panels {
			if p.mayBeEmpty != "" {
				out[p.id] = p.mayBeEmpty
			}
		}
	}
	return out
}

// Committed returns the dashboards as they were generated last and built into the program.
func Committed() ([]File, error) {
	var files []File
	for _, b := range boards() {
		text, err := committed.ReadFile("json/" + b.uid + ".json")
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w: run tidemark dashboards generate", b.uid, err)
		}
		files = append(files, File{UID: b.uid, Title: b.title, JSON: text, Allowed: b.allowed()})
	}
	return files, nil
}
