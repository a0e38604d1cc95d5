package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	ckafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger"
	"tidemark/internal/kafka"
	"tidemark/schemas"
)

// runBlocks reads a topic into blocks of columns, waits for a line of input, and inserts them through the store of
// `tidemark ingest`. Then it prints what that alone took.
func runBlocks(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("drain blocks", flag.ContinueOnError)
	brokers := flags.String("brokers", "", "Kafka bootstrap addresses")
	topic := flags.String("topic", "", "topic of token calls")
	url := flags.String("clickhouse", "", "address of ClickHouse's HTTP interface")
	database := flags.String("database", "", "database with the table token_calls_raw")
	size := flags.Int("rows", 1<<16, "rows in a block")
	joined := flags.Bool("joined", false, "insert the partitions at the same time, so that the store joins their blocks")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := ckafka.NewClient(ckafka.Config{Conn: kafka.Config{Brokers: strings.Split(*brokers, ",")}})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // Nothing is sent over it at the end.
	blocks := newBlocks(*size)
	if err := client.Scan(ctx, *topic, blocks.add); err != nil {
		return err
	}
	db, err := clickhouse.Open(clickhouse.Config{URL: *url, Database: *database})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // As above.
	fmt.Fprintf(out, "loaded %d rows\n", blocks.rows)
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	start, before := time.Now(), cpu()
	if err := blocks.insert(ctx, clickhouse.NewStore(db), *joined); err != nil {
		return err
	}
	fmt.Fprintf(out, "inserted %d rows in %.3f s, %.2f CPU s\n", blocks.rows, time.Since(start).Seconds(), (cpu() - before).Seconds())
	return nil
}

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, "drain: getrusage:", err) // It knows the process, so this does not happen.
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// blocks are the acceptable calls of a topic as columns, by partition.
type blocks struct {
	size, rows int
	partitions map[int32][]schemas.Columns
}

func newBlocks(size int) *blocks {
	return &blocks{size: size, partitions: map[int32][]schemas.Columns{}}
}

// add appends the record to the last block of its partition. A record that is no acceptable call is left out.
func (b *blocks) add(partition int32, rec ingest.Record) error {
	have := b.partitions[partition]
	if len(have) == 0 || have[len(have)-1].Rows() == b.size {
		have = append(have, schemas.NewColumns(schemas.TokenCallType))
		b.partitions[partition] = have
	}
	_, err := have[len(have)-1].Append(rec.Value, schemas.Coordinates{Epoch: 1, Partition: partition, Offset: rec.Offset})
	var invalid *schemas.InvalidError
	if errors.As(err, &invalid) {
		return nil
	}
	if err == nil {
		b.rows++
	}
	return err
}

// insert inserts all blocks: those of a partition in turn, and the partitions in turn or at the same time.
func (b *blocks) insert(ctx context.Context, store *clickhouse.Store, together bool) error {
	group, ctx := errgroup.WithContext(ctx)
	if !together {
		group.SetLimit(1)
	}
	for id, columns := range b.partitions {
		group.Go(func() error {
			p := ingest.Partition{Partition: ledger.Partition{Epoch: 1, ID: id}, Type: schemas.TokenCallType, Count: len(b.partitions)}
			for _, c := range columns {
				if err := store.Insert(ctx, p, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
