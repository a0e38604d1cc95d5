package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	ckafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	"tidemark/producers"
	pkafka "tidemark/producers/kafka"
	usagev1 "tidemark/schemas/usage/v1"
)

const (
	spansOfMessage   = 100
	recordsOfAppend  = 20_000
	messagesOfAppend = recordsOfAppend / spansOfMessage
)

// runCopy writes the calls of a topic to another one with as many partitions, which it creates. As JSON every record has the
// offset that it had, and one that is no Protobuf message stays as it is. As spans a record has 100 calls. It prints how many
// records there are, and how many are calls.
func runCopy(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("drain copy", flag.ContinueOnError)
	brokers := flags.String("brokers", "", "Kafka bootstrap addresses")
	from := flags.String("from", "", "topic of token calls")
	to := flags.String("to", "", "topic to write")
	form := flags.String("as", "json", "json or spans")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *form != "json" && *form != "spans" {
		return fmt.Errorf("--as %q: it is json or spans", *form)
	}
	conn := kafka.Config{Brokers: strings.Split(*brokers, ",")}
	client, err := ckafka.NewClient(ckafka.Config{Conn: conn})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // Nothing is sent over it at the end.
	offsets, err := client.Offsets(ctx, *from)
	if err != nil {
		return err
	}
	if _, err := client.CreateTopics(ctx, []ckafka.TopicSpec{{Name: *to, Partitions: len(offsets)}}); err != nil {
		return err
	}
	writer, err := pkafka.NewWriter(pkafka.Config{Conn: conn})
	if err != nil {
		return err
	}
	c := &copier{topic: *to, limit: recordsOfAppend, encode: &jsonCalls{}, write: func(r []producers.Record) error { return writer.Append(ctx, r) }}
	if *form == "spans" {
		c.limit, c.encode = messagesOfAppend, &spanCalls{}
	}
	if err := client.Scan(ctx, *from, c.add); err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	fmt.Fprintf(out, "records %d\ncalls %d\n", c.records, c.calls)
	return nil
}

// encoder makes values of calls.
type encoder interface {
	// add takes the next record of a partition, whose call is nil if it is not one, and returns the value that is complete with
	// it, or nil.
	add(value []byte, call *usagev1.TokenCall) ([]byte, error)
	// end returns the value of what is left of the partition, or nil.
	end() ([]byte, error)
}

// copier copies the records of one partition after the other.
type copier struct {
	topic  string
	limit  int // Records per write.
	encode encoder
	write  func([]producers.Record) error

	partition      int32
	pending        []producers.Record
	records, calls int
}

func (c *copier) add(partition int32, rec ingest.Record) error {
	if partition != c.partition {
		if err := c.end(); err != nil {
			return err
		}
		c.partition = partition
	}
	c.records++
	call := &usagev1.TokenCall{}
	if err := proto.Unmarshal(rec.Value, call); err != nil {
		call = nil // Poison, of which there is some in every backlog.
	} else {
		c.calls++
	}
	value, err := c.encode.add(rec.Value, call)
	if err != nil {
		return fmt.Errorf("encode offset %d of partition %d: %w", rec.Offset, partition, err)
	}
	return c.put(value, c.limit)
}

// end writes what is left of a partition.
func (c *copier) end() error {
	value, err := c.encode.end()
	if err != nil {
		return err
	}
	return c.put(value, 1)
}

// put adds a value, if there is one, and writes what is pending when that is so many records.
func (c *copier) put(value []byte, limit int) error {
	if value != nil {
		c.pending = append(c.pending, producers.Record{Topic: c.topic, Partition: c.partition, Value: value})
	}
	if len(c.pending) < limit {
		return nil
	}
	err := c.write(c.pending)
	c.pending = c.pending[:0]
	return err
}

// jsonCalls writes each call as an object with the names of the fields and numbers for enums.
type jsonCalls struct{}

func (*jsonCalls) add(value []byte, call *usagev1.TokenCall) ([]byte, error) {
	if call == nil {
		return append([]byte{}, value...), nil
	}
	return protojson.MarshalOptions{UseProtoNames: true, UseEnumNumbers: true}.Marshal(call)
}

func (*jsonCalls) end() ([]byte, error) { return nil, nil }
