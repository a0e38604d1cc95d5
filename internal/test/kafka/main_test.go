package kafkatest_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"tidemark/internal/test/env"
	kafkatest "tidemark/internal/test/kafka"
)

// TestMain ends the brokers that the tests share, then looks for goroutines that were left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range []*shared{&apache, &fake} {
		if err := s.close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the shared broker:", err)
			code = 1
		}
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // a TestMain exits with what the tests gave
}

// shared is a broker that all tests use, each with topics and groups of its own.
type shared struct {
	once   sync.Once
	dir    string
	broker *kafkatest.Broker
	err    error
}

var apache, fake shared

func (s *shared) get(t *testing.T, open func(dir string) (*kafkatest.Broker, error)) *kafkatest.Broker {
	t.Helper()
	s.once.Do(func() {
		if s.dir, s.err = kafkatest.TempDir(); s.err == nil {
			s.broker, s.err = open(s.dir)
		}
	})
	env.Require(t, fmt.Sprintf("Apache Kafka (%v)", s.err), !errors.Is(s.err, kafkatest.ErrNoApache), "make deps")
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.broker
}

func (s *shared) close() error {
	var err error
	if s.broker != nil {
		err = s.broker.Close()
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// each runs a test on both brokers.
func each(t *testing.T, test func(t *testing.T, b *kafkatest.Broker)) {
	t.Helper()
	t.Run("kfake", func(t *testing.T) {
		test(t, fake.get(t, func(dir string) (*kafkatest.Broker, error) { return kafkatest.OpenFake(dir) }))
	})
	t.Run("apache", func(t *testing.T) {
		root := env.ModuleRoot(t)
		test(t, apache.get(t, func(dir string) (*kafkatest.Broker, error) { return kafkatest.OpenApache(root, dir) }))
	})
}

// name is a name for a topic or group that no other test has.
func name(t *testing.T, suffix string) string {
	return strings.NewReplacer("/", ".", "#", ".").Replace(t.Name()) + suffix
}
