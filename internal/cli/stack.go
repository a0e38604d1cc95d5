package cli

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"tidemark/internal/stack"
)

// stackFlags say where the embedded stack listens and keeps its data.
type stackFlags struct {
	clickhouseUser
	DataDir     string `help:"Folder for the data of broker and database." default:"tidemark-data" placeholder:"DIR" group:"Stack"`
	KafkaListen string `help:"Address of the broker; loopback only." default:"127.0.0.1:9092" placeholder:"HOST:PORT" group:"Stack"`
	HTTPListen  string `name:"http-listen" help:"Address of ClickHouse's HTTP interface; loopback only." default:"127.0.0.1:8123" placeholder:"HOST:PORT" group:"Stack"`
	LibCHDB     string `name:"libchdb" env:"TIDEMARK_LIBCHDB" help:"Path of libchdb.so; what 'make deps' fetched when empty." placeholder:"FILE" group:"Stack"`
}

// config returns the stack's configuration. Who asks its ClickHouse has to have the password, if there is one.
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

// access says who is let in to the ClickHouse of a stack.
func access(c stack.Config) string {
	switch {
	case c.Password != "":
		return fmt.Sprintf("user %s, with the password that was set", c.User)
	case c.User != "default":
		return fmt.Sprintf("everybody on this machine; user %s is not asked for, since no password is set", c.User)
	}
	return "everybody on this machine; set TIDEMARK_CLICKHOUSE_PASSWORD to ask for a password"
}

type stackCmd struct {
	commonFlags
	stackFlags
	NoKafka bool `help:"Only the database; the broker runs elsewhere." group:"Stack"`
}

// Help is the long text of `tidemark stack --help`.
func (stackCmd) Help() string {
	return `The broker speaks Kafka's protocol, the database is the ClickHouse engine itself; both keep their data in --data-dir
and have it again after a crash. For development, tests and demonstrations on one machine. Stop it with Ctrl-C.

Everybody on the machine may use both. With TIDEMARK_CLICKHOUSE_PASSWORD or --clickhouse-password-file the database asks for
that password and for --clickhouse-user, which other commands send when they find the same variables; the broker never asks.`
}

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
	fmt.Fprintf(s.Out, "data        %s\nready; Ctrl-C stops\n", c.DataDir)
	<-ctx.Done()
	log.Info("stopping", zap.String("data_dir", c.DataDir))
	return running.Close()
}

// stackHooks pass on what the stack has to say.
func stackHooks(log *zap.Logger) stack.Hooks {
	return stack.Hooks{Broker: func(message string) { log.Warn("broker", zap.String("message", message)) }}
}
