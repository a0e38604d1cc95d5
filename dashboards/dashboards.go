// Package dashboards makes Tidemark's Grafana dashboards and alert rules, checks them and runs them.
//
//	boards (content) -> board (JSON; names in SQL checked against schemas) -> Generate -> json/*.json
//	json/*.json -> Grafana; the page of preview; Check, File.Open and Opened.Load, by grafana
//
// Panels read the rollups, in the resolution that the range asks for, the ledger and the audits. A panel reads single events
// of one hour at most, and of a chosen tenant of six hours, because rollups by minute do not tell tenants apart.
package dashboards

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"

	"tidemark/dashboards/board"
	"tidemark/dashboards/boards"
	"tidemark/schemas"
)

// committed are the files that "tidemark dashboards generate" wrote last.
//
//go:embed json/*.json
var committed embed.FS

// File is one dashboard as Grafana reads it from a file.
type File struct {
	UID     string // Also the name of the file: json/<UID>.json.
	Title   string
	JSON    []byte
	Allowed map[uint32]string // The panels that may be empty although all is well, by id, with the text that they show then.
}

// Generate makes all dashboards for the Grafana that deploy/grafana provisions. An error lists every name in their SQL that
// does not exist, with the panel.
func Generate() ([]File, error) { return Form{}.Generate() }

// Generate makes all dashboards in this form.
func (f Form) Generate() ([]File, error) {
	return f.generate(boards.All(), schemas.Relations())
}

func (f Form) generate(all []board.Board, relations map[string]schemas.Relation) ([]File, error) {
	f = f.withDefaults()
	r := board.NewResolver(relations, boards.Fragments())
	var files []File
	for _, b := range all {
		d, err := b.In(f.Namespace).Build(r)
		if err != nil {
			return nil, err
		}
		f.bind(&d)
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d); err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", b.UID, err)
		}
		files = append(files, File{UID: b.UID, Title: b.Title, JSON: text.Bytes(), Allowed: b.Allowed()})
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return files, nil
}

// Committed returns the dashboards that are built into the program.
func Committed() ([]File, error) {
	var files []File
	for _, b := range boards.All() {
		text, err := committed.ReadFile("json/" + b.UID + ".json")
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w: run tidemark dashboards generate", b.UID, err)
		}
		files = append(files, File{UID: b.UID, Title: b.Title, JSON: text, Allowed: b.Allowed()})
	}
	return files, nil
}
