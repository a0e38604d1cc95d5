package stack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"tidemark/internal/stack"
	"tidemark/internal/test/env"
)

// childEnv makes the test binary run a stack with this configuration instead of
// tests, until its standard input ends.
const childEnv = "TIDEMARK_STACK_CHILD"

// addresses is what a child prints when it is up.
type addresses struct{ Kafka, HTTP, Error string }

// childStack is the child's main function.
type childStack string

// Run implements goleak.TestingM: a child that stops cleanly leaks nothing.
func (config childStack) Run() int {
	var c stack.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	s, err := stack.Start(context.Background(), c)
	up := addresses{}
	if err != nil {
		up.Error = err.Error()
	} else {
		up.Kafka, up.HTTP = s.KafkaAddr(), s.HTTPURL()
	}
	if err := json.NewEncoder(os.Stdout).Encode(up); err != nil || up.Error != "" {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is a stack in a process of its own.
type child struct {
	addresses
	command *exec.Cmd
	stdin   io.Closer
	ended   bool
}

// startChild starts a stack in a child process and waits until it is up.
func startChild(t *testing.T, c stack.Config) *child {
	t.Helper()
	c.LibCHDB = env.LibCHDB(t)
	c.KafkaListen, c.HTTPListen = "127.0.0.1:0", "127.0.0.1:0"
	// Hooks are functions: they do not travel.
	config, err := json.Marshal(map[string]any{
		"DataDir": c.DataDir, "KafkaListen": c.KafkaListen, "HTTPListen": c.HTTPListen, "NoKafka": c.NoKafka, "NoClickHouse": c.NoClickHouse,
		"LibCHDB": c.LibCHDB, "User": c.User, "Password": c.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	command.Env = append(os.Environ(), childEnv+"="+string(config))
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ch := &child{command: command, stdin: stdin}
	t.Cleanup(func() { ch.kill(t) })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the child did not come up: %v", err)
	}
	if err := json.Unmarshal(line, &ch.addresses); err != nil {
		t.Fatal(err)
	}
	return ch
}

// kill ends the child as kill -9 does.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if c.ended {
		return
	}
	c.ended = true
	if err := c.command.Process.Kill(); err != nil {
		t.Errorf("kill the child: %v", err)
	}
	_ = c.command.Wait() // It says that the child was killed.
}

// stop ends the child cleanly.
func (c *child) stop(t *testing.T) {
	t.Helper()
	c.ended = true
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.command.Wait(); err != nil {
		t.Fatalf("the child's end: %v", err)
	}
}
