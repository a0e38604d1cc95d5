package preview

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// dashboard is what the server has to know of a dashboard's JSON; the page reads the rest.
type dashboard struct {
	UID         string   `json:"uid"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Templating  struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []annotation `json:"list"`
	} `json:"annotations"`
	Panels []panel `json:"panels"`

	text []byte
}

type panel struct {
	ID      int64    `json:"id"`
	Type    string   `json:"type"`
	Title   string   `json:"title"`
	Targets []target `json:"targets"`
	Panels  []panel  `json:"panels"` // Of a row that is folded.
}

// datasourceType is the plugin whose queries the server can run.
const datasourceType = "grafana-clickhouse-datasource"

// The formats of a target.
const (
	formatTimeSeries = 0
	formatTable      = 1
)

type target struct {
	RefID      string     `json:"refId"`
	RawSQL     string     `json:"rawSql"`
	Format     int        `json:"format"`
	Hide       bool       `json:"hide"`
	Datasource datasource `json:"datasource"`
}

type annotation struct {
	Name       string     `json:"name"`
	Datasource datasource `json:"datasource"`
	Target     target     `json:"target"`
	RawQuery   string     `json:"rawQuery"` // Where older dashboards have the SQL.
}

// datasource is a reference to a data source; older dashboards have but its name, or that of one of Grafana's own, which
// begin with two dashes.
type datasource struct{ Type string }

// UnmarshalJSON reads an object or a name.
func (d *datasource) UnmarshalJSON(text []byte) error {
	var object struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		var name *string
		if json.Unmarshal(text, &name) != nil {
			return fmt.Errorf("a data source that is neither an object nor a name: %w", err)
		}
		if name != nil && strings.HasPrefix(*name, "--") {
			object.Type = *name
		}
	}
	d.Type = object.Type
	return nil
}

// other reports that the query is another data source's.
func (d datasource) other() bool { return d.Type != "" && d.Type != datasourceType }

// variable is a template variable.
type variable struct {
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Query      sqlText `json:"query"`
	Multi      bool    `json:"multi"`
	IncludeAll bool    `json:"includeAll"`
	AllValue   string  `json:"allValue"`
	Regex      string  `json:"regex"`
	Sort       int     `json:"sort"`
	Auto       bool    `json:"auto"`
	Current    struct {
		Value texts `json:"value"`
	} `json:"current"`
}

// sqlText is the query of a variable: text, or an object that holds it.
type sqlText string

// UnmarshalJSON reads either.
func (q *sqlText) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*string)(q)) == nil {
		return nil
	}
	var object struct {
		RawSQL string `json:"rawSql"`
		Query  string `json:"query"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return fmt.Errorf("the query of a variable: %w", err)
	}
	*q = sqlText(object.RawSQL)
	if object.RawSQL == "" {
		*q = sqlText(object.Query)
	}
	return nil
}

// texts is a text or a list of texts.
type texts []string

// UnmarshalJSON reads either.
func (t *texts) UnmarshalJSON(text []byte) error {
	var one *string
	if json.Unmarshal(text, &one) == nil {
		*t = nil
		if one != nil {
			*t = texts{*one}
		}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

func readDashboard(text []byte) (*dashboard, error) {
	d := &dashboard{text: text}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("not the JSON of a dashboard: %w", err)
	}
	if d.UID == "" {
		return nil, errors.New("the dashboard has no uid")
	}
	if d.Tags == nil {
		d.Tags = []string{}
	}
	return d, nil
}

// panel returns the panel with an id, nil if there is none.
func (d *dashboard) panel(id int64) *panel {
	for i := range d.Panels {
		p := &d.Panels[i]
		if p.ID == id {
			return p
		}
		for j := range p.Panels {
			if p.Panels[j].ID == id {
				return &p.Panels[j]
			}
		}
	}
	return nil
}

// annotation returns the target of the annotations with a name, nil if there are none of ours.
func (d *dashboard) annotation(name string) *target {
	for _, a := range d.Annotations.List {
		if a.Name != name || a.Datasource.other() {
			continue
		}
		t := a.Target
		if t.RawSQL == "" {
			t.RawSQL = a.RawQuery
		}
		if t.RefID == "" {
			t.RefID = "Anno"
		}
		t.Format = formatTable // Whatever it says: annotations are read from a table.
		return &t
	}
	return nil
}
