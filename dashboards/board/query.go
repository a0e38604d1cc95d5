package board

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"

	"tidemark/dashboards/grafana"
)

// The data source that deploy/grafana provisions, and the version of its plugin that the queries are written for.
const (
	DatasourceUID = "tidemark"
	pluginVersion = "4.20.0"
)

// Query is one statement of a panel as the ClickHouse data source of Grafana (version 4.20) reads it. The Foundation
// SDK has no type for it.
type Query struct {
	RefID         string               `json:"refId"`
	Datasource    common.DataSourceRef `json:"datasource"`
	PluginVersion string               `json:"pluginVersion"`
	EditorType    string               `json:"editorType"` // "sql": not the query builder.
	RawSQL        string               `json:"rawSql"`
	QueryType     string               `json:"queryType"` // "timeseries" or "table", for Grafana's Explore.
	Format        int                  `json:"format"`    // 0: a time column, numbers, and texts that become labels. 1: as it is.
}

// NewQuery returns a query with everything but its SQL's names checked.
func NewQuery(refID, sql string, format int) Query {
	kind := "table"
	if format == grafana.FormatTimeSeries {
		kind = "timeseries"
	}
	return Query{
		RefID: refID, Datasource: datasource(), PluginVersion: pluginVersion, EditorType: "sql",
		RawSQL: sql, QueryType: kind, Format: format,
	}
}

func datasource() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(grafana.DatasourceType), Uid: cog.ToPtr(DatasourceUID)}
}

// ImplementsDataqueryVariant marks the type for the SDK.
func (Query) ImplementsDataqueryVariant() {}

// DataqueryType names the plugin.
func (Query) DataqueryType() string { return grafana.DatasourceType }

// Equals is for the SDK.
func (q Query) Equals(other variants.Dataquery) bool {
	return reflect.DeepEqual(variants.Dataquery(q), other)
}

// Validate returns what is missing.
func (q Query) Validate() error {
	var errs []error
	if q.RefID == "" {
		errs = append(errs, errors.New("a query has no refId"))
	}
	if q.RawSQL == "" {
		errs = append(errs, fmt.Errorf("query %s has no SQL", q.RefID))
	}
	if q.Datasource.Uid == nil || q.Datasource.Type == nil {
		errs = append(errs, fmt.Errorf("query %s has no data source", q.RefID))
	}
	return errors.Join(errs...)
}
