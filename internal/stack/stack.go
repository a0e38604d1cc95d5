// Package stack runs the embedded default: a Kafka-protocol broker and the
// ClickHouse engine in this process, on loopback, with their data on disk.
//
//	Start -> lock the data folder
//	      -> kafka/       kfake broker            <- any Kafka client
//	      -> clickhouse/  chdb engine <- chhttp   <- clickhouse-go, Grafana, curl
package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"tidemark/internal/stack/chdb"
	"tidemark/internal/stack/chhttp"
	"tidemark/internal/webguard"
)

// Default listen addresses: the usual ports of Kafka and of ClickHouse's HTTP
// interface.
const (
	DefaultKafkaListen = "127.0.0.1:9092"
	DefaultHTTPListen  = "127.0.0.1:8123"
)

// stopTimeout is how long Close waits for requests before it cuts them off.
const stopTimeout = 10 * time.Second

// brokerBatchBytes is the largest record batch that the broker takes.
const brokerBatchBytes = "16777216"

// maxHeaderBytes bounds the head of a request, the statement in its address with it.
const maxHeaderBytes = 1 << 20

// Config is what a stack runs and where. Only DataDir is required.
type Config struct {
	DataDir     string // holds kafka/, clickhouse/, clickhouse.xml, spool/ and a lock; created when missing
	KafkaListen string // loopback host:port, port 0 for a free one; default DefaultKafkaListen
	HTTPListen  string // the same for ClickHouse's HTTP interface; default DefaultHTTPListen

	NoKafka      bool // run without the broker
	NoClickHouse bool // run without the engine; for tests

	// KafkaTables lets statements make tables of ClickHouse's engine Kafka, which connect to any broker. Only a benchmark
	// sets it.
	KafkaTables bool

	LibCHDB  string // path of libchdb.so; default as chdb.FindLibrary finds it
	User     string // the front asks for it when Password is set; default "default"
	Password string // empty: no authentication

	Hooks Hooks
}

// mergeThreads is the number of the engine's background merge threads.
const mergeThreads = 2

// Hooks are called as things happen; any may be nil. They must not block.
type Hooks struct {
	// Served is called after each HTTP request that is not a ping.
	Served func(chhttp.Served)
	// Broker is called for each warning or error of the broker.
	Broker func(message string)
}

// Stack is the running pair. Close stops it.
type Stack struct {
	lock     *dirLock
	kafka    *kfake.Cluster
	broker   *brokerDisk
	windows  string // the broker's file of sequence numbers
	engine   *chdb.Engine
	stopHTTP func() error
	kafkaAt  string
	httpAt   string
}

// Start runs the stack. Data of an earlier run, however it ended, is there
// again. A folder that another stack holds is refused with an error that wraps
// ErrLocked. The caller must Close the stack; ctx bounds the start alone.
func Start(ctx context.Context, config Config) (*Stack, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(config.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Stack{lock: lock}
	if err := s.start(ctx, config); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, config Config) error {
	if !config.NoKafka {
		if err := s.startKafka(ctx, config); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !config.NoClickHouse {
		return s.startClickHouse(ctx, config)
	}
	return nil
}

// withDefaults returns the configuration with defaults for what is empty.
func (c Config) withDefaults() (Config, error) {
	c.KafkaListen = cmp.Or(c.KafkaListen, DefaultKafkaListen)
	c.HTTPListen = cmp.Or(c.HTTPListen, DefaultHTTPListen)
	var errs []error
	if c.DataDir == "" {
		errs = append(errs, errors.New("stack: no data directory"))
	}
	if !c.NoKafka {
		errs = append(errs, checkLoopback("Kafka", c.KafkaListen))
	}
	if !c.NoClickHouse {
		errs = append(errs, checkLoopback("HTTP", c.HTTPListen))
	}
	return c, errors.Join(errs...)
}

// checkLoopback refuses an address that other machines could reach: neither
// server has what it takes to face them.
func checkLoopback(name, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("stack: %s listen address %q: %w", name, address, err)
	}
	if webguard.Loopback(host) {
		return nil
	}
	return fmt.Errorf("stack: %s listen address %q is not on loopback: use 127.0.0.1, or run a real broker and server for other machines", name, address)
}

// startKafka runs one broker. It stores each batch before it acknowledges it.
func (s *Stack) startKafka(ctx context.Context, config Config) error {
	host, portText, err := net.SplitHostPort(config.KafkaListen)
	if err != nil {
		return fmt.Errorf("stack: Kafka listen address: %w", err)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", portText)
	if err != nil {
		return fmt.Errorf("stack: Kafka listen address: %w", err)
	}
	dir := filepath.Join(config.DataDir, "kafka")
	shown, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("stack: the broker's folder: %w", err)
	}
	answers := &answers{dir: shown, maxBytes: brokerBatchBytes}
	s.broker = newBrokerDisk(disk{config.DataDir, freeBytes}, config.Hooks.Broker, answers)
	s.windows = filepath.Join(dir, "seq_windows.json")
	options := []kfake.Opt{
		kfake.Ports(port),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			listener, err := (&net.ListenConfig{}).Listen(ctx, network, net.JoinHostPort(host, port))
			return answerListener{listener, answers}, err
		}),
		kfake.ClusterID("tidemark"),
		kfake.DataDir(dir),
		kfake.WithLogger(s.broker),
		kfake.BrokerConfigs(map[string]string{brokerMaxBytes: brokerBatchBytes}),
	}
	if s.kafka, err = kfake.NewCluster(options...); err != nil {
		return fmt.Errorf("stack: start the Kafka broker on %s: %w", config.KafkaListen, err)
	}
	s.broker.watch(s.kafka)
	addresses := s.kafka.ListenAddrs()
	if len(addresses) != 1 {
		return fmt.Errorf("stack: the Kafka broker listens on %d addresses", len(addresses))
	}
	s.kafkaAt = addresses[0]
	return nil
}

func (s *Stack) startClickHouse(ctx context.Context, config Config) error {
	library, err := chdb.FindLibrary(config.LibCHDB)
	if err != nil {
		return fmt.Errorf("stack: %w", err)
	}
	host, _, err := net.SplitHostPort(config.HTTPListen)
	if err != nil {
		return fmt.Errorf("stack: HTTP listen address: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.HTTPListen)
	if err != nil {
		return fmt.Errorf("stack: listen for ClickHouse's HTTP interface: %w", err)
	}
	s.engine, err = chdb.Open(chdb.Options{Library: library, Dir: filepath.Join(config.DataDir, "clickhouse"), Threads: mergeThreads, KafkaTables: config.KafkaTables})
	if err != nil {
		return errors.Join(fmt.Errorf("stack: %w", err), listener.Close())
	}
	spool := filepath.Join(config.DataDir, "spool")
	if err := os.MkdirAll(spool, 0o750); err != nil {
		return errors.Join(fmt.Errorf("stack: %w", err), listener.Close())
	}
	server, err := describe(ctx, s.engine)
	if err != nil {
		return errors.Join(fmt.Errorf("stack: %w", err), listener.Close())
	}
	s.httpAt = listener.Addr().String()
	detached := context.WithoutCancel(ctx) // Requests outlive the start, not Close.
	base, cancel := context.WithCancel(detached)
	handler := chhttp.NewHandler(s.engine, server, chhttp.Options{
		User: config.User, Password: config.Password, Guard: webguard.New(host), SpoolDir: spool, Room: func() error { return disk{config.DataDir, freeBytes}.room(reserveBytes) }, Served: config.Hooks.Served,
	})
	front := &http.Server{
		Handler: handler,
		// A client that sends half a request's head, or nothing more, goes. Bodies and results have limits of their own.
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Minute, MaxHeaderBytes: maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return base },
	}
	served := make(chan error, 1) // One value, so that the server's end waits for nobody.
	go func() { served <- front.Serve(listener) }()
	s.stopHTTP = func() error {
		cancel() // Statements that run are killed through their requests' contexts.
		wait, done := context.WithTimeout(detached, stopTimeout)
		defer done()
		err := front.Shutdown(wait)
		if err != nil { // A client that sends its body for ever.
			err = front.Close()
		}
		if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		handler.Close()
		return err
	}
	return nil
}

// describe asks the engine for what the front says of it.
func describe(ctx context.Context, engine *chdb.Engine) (chhttp.Server, error) {
	session, err := engine.Session(ctx, chdb.SessionOptions{})
	if err != nil {
		return chhttp.Server{}, err
	}
	defer session.Close()
	result, err := session.Exec(ctx, "SELECT displayName(), version(), timezone()", "TSVRaw", nil)
	if err != nil {
		return chhttp.Server{}, err
	}
	defer result.Close()
	values := strings.Split(strings.TrimSuffix(string(result.Bytes()), "\n"), "\t")
	if len(values) != 3 {
		return chhttp.Server{}, fmt.Errorf("describe the engine: %d values instead of 3", len(values))
	}
	return chhttp.Server{Name: values[0], Version: values[1], Timezone: values[2]}, nil
}

// closeKafka stops the broker. If it counts batches that it lost, it must not do so after its next start: without its
// numbers it takes a batch that is sent again, and a copy of one does no harm.
func (s *Stack) closeKafka() error {
	lost := s.broker.outstanding()
	s.broker.answers.attach(nil)
	s.kafka.Close()
	if !lost {
		return nil
	}
	if err := os.Remove(s.windows); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// KafkaAddr returns the host:port of the broker, or "" without one.
func (s *Stack) KafkaAddr() string { return s.kafkaAt }

// HTTPAddr returns the host:port of ClickHouse's HTTP interface, or "".
func (s *Stack) HTTPAddr() string { return s.httpAt }

// HTTPURL returns the URL of ClickHouse's HTTP interface, or "".
func (s *Stack) HTTPURL() string {
	if s.httpAt == "" {
		return ""
	}
	return "http://" + s.httpAt
}

// Close stops both servers, ends the statements that run, and waits for all of
// it. Calling it again does nothing.
func (s *Stack) Close() error {
	var errs []error
	if s.stopHTTP != nil {
		errs = append(errs, s.stopHTTP())
		s.stopHTTP = nil
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close()) // Waits for the sessions of requests.
		s.engine = nil
	}
	if s.kafka != nil {
		errs = append(errs, s.closeKafka())
		s.kafka = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
		s.lock = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the stack: %w", err)
	}
	return nil
}
