package cli

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"tidemark/internal/stack"
)

// stackFlags say where the embedded stack listens and keeps its data.
type stackFlags struct {
	DataDir     string `help:"Folder for the data of broker and database." default:"tidemark-data" placeholder:"DIR" group:"Stack"`
	KafkaListen string `help:"Address of the broker; loopback only." default:"127.0.0.1:9092" placeholder:"HOST:PORT" group:"Stack"`
	HTTPListen  string `name:"http-listen" help:"Address of ClickHouse's HTTP interface; loopback only." default:"127.0.0.1:8123" placeholder:"HOST:PORT" group:"Stack"`
	LibCHDB     string `name:"libchdb" env:"TIDEMARK_LIBCHDB" help:"Path of libchdb.so; what 'make deps' fetched when empty." placeholder:"FILE" group:"Stack"`
}

type stackCmd struct {
	commonFlags
	stackFlags
	NoKafka bool `help:"Only the database; the broker runs elsewhere." group:"Stack"`
}

// Help is the long text of `tidemark stack --help`.
func (stackCmd) Help() string {
	return `The broker speaks Kafka's protocol, the database is the ClickHouse engine itself; both keep their data in --data-dir
and have it again after a crash. For development, tests and demonstrations on one machine. Stop it with Ctrl-C.`
}

// Run serves until a signal.
func (c *stackCmd) Run(ctx context.Context, s Streams) error {
	if err := invalid(c.validate()); err != nil {
		return err
	}
	log := c.logger(s)
	running, err := stack.Start(ctx, stack.Config{DataDir: c.DataDir, KafkaListen: c.KafkaListen, HTTPListen: c.HTTPListen, LibCHDB: c.LibCHDB, NoKafka: c.NoKafka, Hooks: stackHooks(log)})
	if err != nil {
		return err
	}
	if !c.NoKafka {
		fmt.Fprintf(s.Out, "kafka       %s\n", running.KafkaAddr())
	}
	fmt.Fprintf(s.Out, "clickhouse  %s\n", running.HTTPURL())
	fmt.Fprintf(s.Out, "data        %s\nready; Ctrl-C stops\n", c.DataDir)
	<-ctx.Done()
	log.Info("stopping", zap.String("data_dir", c.DataDir))
	return running.Close()
}

// stackHooks pass on what the stack has to say.
func stackHooks(log *zap.Logger) stack.Hooks {
	return stack.Hooks{Broker: func(message string) { log.Warn("broker", zap.String("message", message)) }}
}
