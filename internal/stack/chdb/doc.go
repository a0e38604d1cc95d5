// Package chdb runs the ClickHouse engine inside the process. It loads libchdb
// without cgo and gives sessions that stream query results out of the engine
// and insert data into it.
//
//	Open -> Engine -> Session (one statement at a time, own settings)
//	                    Exec      statement or whole result
//	                    Stream    result block by block
//	                    Insert    data in chunks, any input format
//
// The engine keeps one data path for each process: every Engine that is open at
// one moment must name the same folder.
package chdb
