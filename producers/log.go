// Package producers sends events to the log.
//
//	Send -> Validate -> AppendEvent -> Identity.Partition -> Log.Append
//
// A program that has events in memory needs only a Sender. Generators and replays are Sources: a Pump takes batches
// from a Source, paces them, sends them, and counts in a Truth what the log has acknowledged.
package producers

import "context"

// Record is one record on its way to the log.
type Record struct {
	// Topic is the full name, with the namespace.
	Topic     string
	Partition int32
	// Key and Value may be nil. They belong to the caller again when Append has returned.
	Key, Value []byte
	Headers    []Header
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Log appends records durably. Append returns nil when all replicas in sync have the records (acks=all), in each
// partition in the order given; after an error some may be on the log. Partitions returns the partition count of a
// topic. It is called before every batch, so it should answer from memory.
type Log interface {
	Append(ctx context.Context, records []Record) error
	Partitions(ctx context.Context, topic string) (int, error)
}
