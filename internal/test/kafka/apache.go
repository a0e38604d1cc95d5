package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// clusterID is written into the data directory when it is formatted; any will do.
const clusterID = "dGlkZW1hcmstdGVzdC0wMQ"

// Apache is a real Apache Kafka node in a process of its own. It is not safe for concurrent use.
type Apache struct {
	java    string
	classes string
	config  string
	log     *os.File
	listen  string

	cmd    *exec.Cmd
	exited chan struct{}
}

// ApacheConfig says how an Apache Kafka node is started.
type ApacheConfig struct {
	Root       string // of the module: .cache/kafka/lib and deploy/kafka are looked for there
	Listen     string // host:port
	Advertised string // what clients are told to connect to; "" is Listen
	Dir        string // for data, configuration and log; created if need be, kept
	Overrides  map[string]string
}

// ErrNoApache is what an error of NewApache wraps when Java or Kafka's jars are not there.
var ErrNoApache = errors.New("run `make deps` with Java 17 and Maven installed")

// NewApache formats the data directory unless it is, and prepares a node. Start starts it.
func NewApache(ctx context.Context, cfg ApacheConfig) (*Apache, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("find java: %w: %w", ErrNoApache, err)
	}
	lib := filepath.Join(cfg.Root, ".cache", "kafka", "lib")
	if jars, err := filepath.Glob(filepath.Join(lib, "kafka_*.jar")); err != nil || len(jars) == 0 {
		return nil, fmt.Errorf("find Kafka's jars in .cache/kafka/lib: %w", ErrNoApache)
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, err
	}
	a := &Apache{java: java, classes: filepath.Join(lib, "*"), config: filepath.Join(cfg.Dir, "server.properties"), listen: cfg.Listen}
	if err := a.configure(ctx, cfg); err != nil {
		return nil, err
	}
	a.log, err = os.OpenFile(filepath.Join(cfg.Dir, "kafka.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Apache) configure(ctx context.Context, cfg ApacheConfig) error {
	template, err := os.ReadFile(filepath.Join(cfg.Root, "deploy", "kafka", "server.properties"))
	if err != nil {
		return err
	}
	controller, err := FreeAddr()
	if err != nil {
		return err
	}
	if cfg.Advertised == "" {
		cfg.Advertised = cfg.Listen
	}
	data := filepath.Join(cfg.Dir, "data")
	text := strings.NewReplacer("${LISTEN}", cfg.Listen, "${ADVERTISED}", cfg.Advertised, "${CONTROLLER}", controller, "${DATA}", data).
		Replace(string(template))
	for key, value := range cfg.Overrides {
		text += key + "=" + value + "\n"
	}
	if err := os.WriteFile(a.config, []byte(text), 0o644); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, "meta.properties")); err == nil {
		return nil
	}
	//nolint:gosec // the arguments are ours
	format := exec.CommandContext(ctx, a.java, "-cp", a.classes, "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", a.config)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's data directory: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// Start starts the node and waits until it takes connections. It may be called again after Kill or Stop.
func (a *Apache) Start(ctx context.Context) error {
	// The process outlives ctx, which bounds the start alone: Kill and Stop end it.
	cmd := exec.Command(a.java, "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", a.classes, //nolint:noctx // see above
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true", "kafka.Kafka", a.config)
	cmd.Stdout, cmd.Stderr = a.log, a.log
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Kafka: %w", err)
	}
	a.cmd, a.exited = cmd, make(chan struct{})
	go func(exited chan struct{}) {
		defer close(exited)
		_ = cmd.Wait() // How it ended is in the log; that it ended is what counts.
	}(a.exited)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", a.listen)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-a.exited:
			return fmt.Errorf("kafka ended while it started: %s", a.logTail())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for Kafka: %w: %s", context.Cause(ctx), a.logTail()), a.Kill())
		}
	}
}

// Exited is closed when the process has ended.
func (a *Apache) Exited() <-chan struct{} { return a.exited }

// Kill ends the process at once, as a crash would.
func (a *Apache) Kill() error { return a.end(syscall.SIGKILL) }

// Stop ends the process in good order.
func (a *Apache) Stop() error { return a.end(syscall.SIGTERM) }

func (a *Apache) end(s syscall.Signal) error {
	if a.cmd == nil {
		return nil
	}
	if err := a.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-a.exited
	a.cmd = nil
	return nil
}

// Pause makes the process hang: connections stay open and nothing is answered. It returns when all of it has stopped.
func (a *Apache) Pause() error {
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for range 10_000 {
		if done, err := halted(a.cmd.Process.Pid); done || err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("the broker does not stop 10 seconds after SIGSTOP")
}

// Resume ends a Pause.
func (a *Apache) Resume() error { return a.cmd.Process.Signal(syscall.SIGCONT) }

// Close kills the process if it runs, and closes the log.
func (a *Apache) Close() error { return errors.Join(a.Kill(), a.log.Close()) }

func (a *Apache) logTail() string {
	f, err := os.Open(a.log.Name())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 2000 {
		if _, err := f.Seek(-2000, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// FreeAddr is an address of the loopback interface that nothing listens on at the moment.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it takes no time
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
