// Command drain has the parts of scripts/bench-drain that are written in Go:
//
//	drain engine   serves the ClickHouse engine that all drain into, with its Kafka tables allowed
//	drain copy     writes the calls of a topic to another one, as JSON or as spans
//	drain blocks   inserts blocks that are ready before the clock starts
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tidemark/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "drain:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the signals, which ends with the process
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: drain engine|copy|blocks [FLAGS]")
	}
	switch name, flags := args[0], args[1:]; name {
	case "engine":
		return runEngine(ctx, flags, out)
	case "copy":
		return runCopy(ctx, flags, out)
	case "blocks":
		return runBlocks(ctx, flags, in, out)
	default:
		return fmt.Errorf("there is no %q; there are engine, copy and blocks", name)
	}
}

// runEngine serves the engine until ctx ends, as `tidemark stack --no-kafka` does but for Kafka tables. Their schemas are
// files in the working directory.
func runEngine(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("drain engine", flag.ContinueOnError)
	dir := flags.String("data-dir", "", "folder for the data of the engine")
	library := flags.String("libchdb", "", "path of libchdb.so")
	if err := flags.Parse(args); err != nil {
		return err
	}
	running, err := stack.Start(ctx, stack.Config{DataDir: *dir, LibCHDB: *library, NoKafka: true, HTTPListen: "127.0.0.1:0", KafkaTables: true})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "clickhouse %s\nready\n", running.HTTPURL())
	<-ctx.Done()
	return running.Close()
}
