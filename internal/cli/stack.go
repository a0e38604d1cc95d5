package cli

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"tidemark/internal/stack"
)

// stackFlags are where the embedded stack listens and keeps its data. The command that embeds them sets the defaults, and
// the sentence about an empty --data-dir.
type stackFlags struct {
	clickhouseUser
	DataDir     string `help:"Folder for the data of the broker and the database.${data_dir_note}" default:"${data_dir}" placeholder:"DIR" group:"Stack"`
	KafkaListen string `help:"Address of the broker, on loopback. Port 0 takes a free port." default:"${kafka_listen}" placeholder:"HOST:PORT" group:"Stack"`
	HTTPListen  string `name:"http-listen" help:"Address of ClickHouse's HTTP interface, on loopback. Port 0 takes a free port." default:"${http_listen}" placeholder:"HOST:PORT" group:"Stack"`
	LibCHDB     string `name:"libchdb" env:"TIDEMARK_LIBCHDB" help:"Path of libchdb.so. Empty: the one that 'make deps' fetched." placeholder:"FILE" group:"Stack"`
}

// config returns the stack's configuration. If there is a password, ClickHouse asks every client for it.
func (f stackFlags) config(hooks stack.Hooks) (stack.Config, error) {
	password, err := f.password()
	if err != nil {
		return stack.Config{}, invalid(err)
	}
	if f.ClickHousePasswordFile != "" && password == "" {
		return stack.Config{}, invalid(fmt.Errorf("--clickhouse-password-file: %s is empty", f.ClickHousePasswordFile))
	}
	return stack.Config{
		DataDir: f.DataDir, KafkaListen: f.KafkaListen, HTTPListen: f.HTTPListen, LibCHDB: f.LibCHDB,
		User: f.ClickHouseUser, Password: password, Hooks: hooks,
	}, nil
}

// access describes who may use the ClickHouse of a stack.
func access(c stack.Config) string {
	switch {
	case c.Password != "":
		return fmt.Sprintf("user %s, with the password that you set", c.User)
	case c.User != "default":
		return fmt.Sprintf("everybody on this machine; ClickHouse does not ask for user %s, because no password is set", c.User)
	}
	return "everybody on this machine; set TIDEMARK_CLICKHOUSE_PASSWORD to require a password"
}

type stackCmd struct {
	commonFlags
	stackFlags `kong:"embed,set='data_dir=tidemark-data',set='data_dir_note=',set='kafka_listen=127.0.0.1:9092',set='http_listen=127.0.0.1:8123'"`
	NoKafka    bool `help:"Run only the database; the broker runs elsewhere." group:"Stack"`
}

// Help implements kong.HelpProvider.
func (stackCmd) Help() string {
	return `The broker speaks Kafka's protocol; the database is the ClickHouse engine itself. Both keep their data in --data-dir and
have it again after a crash. Use the stack for development, tests and demonstrations on one machine. Stop it with
Ctrl-C.

Everybody on the machine may use both. With TIDEMARK_CLICKHOUSE_PASSWORD or --clickhouse-password-file the database asks for
that password and for --clickhouse-user; other commands send both if they find the same variables. The broker never asks.`
}

// Example implements exampler.
func (stackCmd) Example() string { return "tidemark stack --data-dir ~/tidemark-data" }

// Run serves until a signal.
func (c *stackCmd) Run(ctx context.Context, s Streams) error {
	if err := invalid(c.validate()); err != nil {
		return err
	}
	log := c.logger(s)
	config, err := c.config(stackHooks(log))
	if err != nil {
		return err
	}
	config.NoKafka = c.NoKafka
	running, err := stack.Start(ctx, config)
	if err != nil {
		return err
	}
	if !c.NoKafka {
		fmt.Fprintf(s.Out, "kafka       %s\n", running.KafkaAddr())
	}
	fmt.Fprintf(s.Out, "clickhouse  %s\n", running.HTTPURL())
	fmt.Fprintf(s.Out, "access      %s\n", access(config))
	fmt.Fprintf(s.Out, "data        %s\n%s\n", c.DataDir, readyLine)
	<-ctx.Done()
	log.Info("stopping", zap.String("data_dir", c.DataDir))
	return running.Close()
}

// readyLine is the last line of output of a command that now serves.
const readyLine = "ready, press Ctrl-C to stop"

// stackHooks log the broker's messages.
func stackHooks(log *zap.Logger) stack.Hooks {
	return stack.Hooks{Broker: func(message string) { log.Warn("broker", zap.String("message", message)) }}
}
