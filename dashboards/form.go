package dashboards

import (
	"cmp"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"tidemark/dashboards/board"
)

// Form is which Grafana the dashboards and alert rules are made for. The zero value is the one that deploy/grafana provisions.
type Form struct {
	// Namespace is what dashboards open with, and what alert rules read, since a rule has no variables. Default "tidemark".
	Namespace string
	// DatasourceUID is the uid of the data source in Grafana. Default "tidemark".
	DatasourceUID string
	// Import makes dashboards that people import into Grafana: they may edit them, and choose the data source.
	Import bool
}

func (f Form) withDefaults() Form {
	f.Namespace = cmp.Or(f.Namespace, alertNamespace)
	f.DatasourceUID = cmp.Or(f.DatasourceUID, board.DatasourceUID)
	return f
}

// bind gives a dashboard its data source.
func (f Form) bind(d *dashboard.Dashboard) {
	if f.Import {
		board.ForImport(d, f.DatasourceUID)
	} else {
		board.Bind(d, f.DatasourceUID)
	}
}
