// Package chhttp serves ClickHouse's HTTP interface in front of the engine that
// runs in this process, so that clickhouse-go, Grafana and curl use it as they
// use a ClickHouse server.
//
//	ServeHTTP -> Guard.Check -> authenticate -> incoming.open -> readRequest -> forbid -> (spool) -> lease
//	   SELECT ... -> runQuery: Stream -> (reframeNative) -> whileWriting -> slowWriter
//	   INSERT     -> runInsert: the spooled body in chunks -> Insert
//	   others     -> runQuery: Exec
//
// A client never holds a place in the engine while it sends or reads. Statements
// cannot leave the data folder: see forbid, and the package chdb's grants.
//
// A request without session_id has a session of its own: settings, the current database
// and temporary tables end with it. With one they stay, and the request's own do not: see
// lease. What is not served stands in docs/clickhouse-clients.md. The
// engine gives statements identifiers of its own: those of the clients are put in
// their place in system.processes, SHOW PROCESSLIST and KILL QUERY (ownIDs), not
// in queryID().
package chhttp
