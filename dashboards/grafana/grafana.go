// Package grafana opens and runs dashboards as Grafana with its ClickHouse data source does:
//
//	Read -> Dashboard -> Runner.Choose: a value for every variable, in order
//	                  -> Runner.Ask: SQL of the targets -> Expand (macros, a SELECT only) -> ClickHouse, read-only, bounded
//	                                 -> Table (columns with Grafana's kinds) -> Frame, as the plugin makes it
//	                  -> Check: what would be refused, without a database
//
// The preview page and "tidemark dashboards check" both use it, so one refuses what the other refuses. It takes any
// dashboard whose queries belong to the ClickHouse data source, not only those that Tidemark generates: variables of the
// types query, custom, interval, constant and textbox, collapsed rows, and the older forms of data sources, annotations and
// variable queries.
package grafana
