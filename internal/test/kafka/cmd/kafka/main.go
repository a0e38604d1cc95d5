// Command kafka runs one Apache Kafka node on loopback until it is interrupted. It prints the address when clients can
// connect. Usage: go run ./internal/test/kafka/cmd/kafka [--listen 127.0.0.1:9092] [--data-dir DIR]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	kafkatest "tidemark/internal/test/kafka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the signals, which ends with the process
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("kafka", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9092", "address to listen on; port 0 takes a free one")
	dir := flags.String("data-dir", "", "directory for data and log, kept (default: a temporary one, removed)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, port, err := net.SplitHostPort(*listen); err != nil {
		return err
	} else if port == "0" {
		if *listen, err = kafkatest.FreeAddr(); err != nil {
			return err
		}
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if *dir == "" {
		temp, err := kafkatest.TempDir()
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(temp) }() // It is temporary either way.
		*dir = temp
	}
	node, err := kafkatest.NewApache(ctx, kafkatest.ApacheConfig{Root: root, Listen: *listen, Dir: *dir})
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := node.Start(starting); err != nil {
		return errors.Join(err, node.Close())
	}
	fmt.Fprintln(os.Stdout, *listen)
	select {
	case <-ctx.Done():
		return errors.Join(node.Stop(), node.Close())
	case <-node.Exited():
		return errors.Join(fmt.Errorf("kafka ended; its log is %s", filepath.Join(*dir, "kafka.log")), node.Close())
	}
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run it from inside the module: it looks for .cache/kafka there")
		}
		dir = parent
	}
}
