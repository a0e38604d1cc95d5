package grafana

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Dashboard is the part of a dashboard's JSON that decides what is asked. Drawing reads the rest.
type Dashboard struct {
	UID         string   `json:"uid"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Templating  struct {
		List []Variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []Annotation `json:"list"`
	} `json:"annotations"`
	Panels []Panel `json:"panels"`

	JSON []byte `json:"-"` // The text that was read. It is shared and must not be changed.
}

// Panel is one panel, or a row of panels.
type Panel struct {
	ID       int64    `json:"id"`
	Type     string   `json:"type"`
	Title    string   `json:"title"`
	Interval string   `json:"interval"` // The shortest interval of its points, such as 10s.
	Targets  []Target `json:"targets"`
	Panels   []Panel  `json:"panels"` // The panels of a collapsed row.
}

// DatasourceType is the plugin whose queries this package runs.
const DatasourceType = "grafana-clickhouse-datasource"

// The formats of a target, as the plugin numbers them.
const (
	FormatTimeSeries = 0 // A time column, numbers, and texts that become labels.
	FormatTable      = 1 // The result as it is.
)

// Target is one query of a panel.
type Target struct {
	RefID      string     `json:"refId"`
	RawSQL     string     `json:"rawSql"`
	Format     int        `json:"format"`
	Hide       bool       `json:"hide"`
	Datasource Datasource `json:"datasource"`
}

// Annotation is one query for events that are drawn across charts.
type Annotation struct {
	Name       string     `json:"name"`
	Datasource Datasource `json:"datasource"`
	Target     Target     `json:"target"`
	RawQuery   string     `json:"rawQuery"` // The SQL in older dashboards.
}

// Datasource is a reference to a data source. Older dashboards give only a name, which begins with two dashes for
// Grafana's own data sources.
type Datasource struct{ Type string }

// UnmarshalJSON reads an object or a name.
func (d *Datasource) UnmarshalJSON(text []byte) error {
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

// foreign reports whether the query belongs to another data source.
func (d Datasource) foreign() bool { return d.Type != "" && d.Type != DatasourceType }

// errForeign is the error of a target of another data source.
func (d Datasource) errForeign() error {
	return fmt.Errorf("the data source %q is not supported: use %s", d.Type, DatasourceType)
}

// Variable is a template variable.
type Variable struct {
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Query      sqlText `json:"query"`
	Multi      bool    `json:"multi"`
	IncludeAll bool    `json:"includeAll"`
	AllValue   string  `json:"allValue"`
	Regex      string  `json:"regex"`
	Sort       int     `json:"sort"`
	Current    struct {
		Value texts `json:"value"`
	} `json:"current"`
}

// sqlText is the query of a variable: a text, or an object that holds it.
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

// Read reads the JSON of a dashboard.
func Read(text []byte) (*Dashboard, error) {
	d := &Dashboard{JSON: text}
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

// Panel returns the panel with an id, nil if there is none.
func (d *Dashboard) Panel(id int64) *Panel {
	for p := range d.all() {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// all yields every panel, those of a collapsed row after the row itself.
func (d *Dashboard) all() iter.Seq[*Panel] {
	return func(yield func(*Panel) bool) {
		for i := range d.Panels {
			p := &d.Panels[i]
			if !yield(p) {
				return
			}
			for j := range p.Panels {
				if !yield(&p.Panels[j]) {
					return
				}
			}
		}
	}
}

// Variable returns the index of a variable, -1 if there is none.
func (d *Dashboard) Variable(name string) int {
	return slices.IndexFunc(d.Templating.List, func(v Variable) bool { return v.Name == name })
}

// Annotation returns the target of the annotations with a name, nil if the data source has none of that name.
func (d *Dashboard) Annotation(name string) *Target {
	for _, a := range d.Annotations.List {
		if a.Name != name || a.Datasource.foreign() {
			continue
		}
		t := a.Target
		if t.RawSQL == "" {
			t.RawSQL = a.RawQuery
		}
		if t.RefID == "" {
			t.RefID = "Anno"
		}
		t.Format = FormatTable // Grafana reads annotations from a table, whatever the target says.
		return &t
	}
	return nil
}
