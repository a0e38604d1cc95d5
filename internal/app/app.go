// Package app assembles the parts into processes: what a command runs, without the command line.
//
//	Ingester  a worker per partition of the consumer group: Kafka -> ClickHouse
//	Roller    the rollup worker, one process at a time: raw -> rollups
//	Rebuilder a rebuild of rollups, by the Roller at work or by itself
//	Auditor   one audit, or one after the other
//	Reports   heartbeats and log ends beside any of them
//	Preview   the dashboards on a page of its own
//	Collector the ports that senders send events to: HTTP and gRPC -> Kafka
//	Load      a load test of a pipeline that runs
//	Demo      a generator, an Ingester, a Roller and an Auditor in one process
//
// Each process is a struct of plain fields. The caller opens the connections, hands them in and closes them after the process
// has returned. A process returns errors and logs with zap what it survives; it prints nothing, counts through hooks, and
// never exits.
package app

import "go.uber.org/zap"

// logger returns the given logger, or one that writes nothing.
func logger(log *zap.Logger) *zap.Logger {
	if log == nil {
		return zap.NewNop()
	}
	return log
}
