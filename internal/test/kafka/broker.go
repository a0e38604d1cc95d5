// Package kafkatest starts brokers for tests: a real Apache Kafka, and kfake in the test's own process. Both stand behind
// a Proxy and can be killed, restarted and made to hang, so that one suite runs on both.
package kafkatest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"tidemark/internal/test/env"
)

const startTimeout = 2 * time.Minute

// Broker is a broker under test.
type Broker struct {
	// Name is "apache" or "kfake".
	Name  string
	Proxy *Proxy
	node  node
}

// node is what the two kinds of brokers have in common.
type node interface {
	start(ctx context.Context) error
	kill() error
	stop() error
	pause() error
	resume() error
}

// Addr is the address that clients use, of the proxy before the broker.
func (b *Broker) Addr() string { return b.Proxy.Addr() }

// Kill ends the broker as a crash does; what it acknowledged is kept.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	check(t, "kill", b.node.kill())
}

// Restart starts the broker again after Kill, on the same address with the same data.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	check(t, "restart", b.node.start(ctx))
}

// Pause makes the broker hang, Resume ends that.
func (b *Broker) Pause(t testing.TB) {
	t.Helper()
	check(t, "pause", b.node.pause())
}

// Resume ends a Pause.
func (b *Broker) Resume(t testing.TB) {
	t.Helper()
	check(t, "resume", b.node.resume())
}

func check(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s the broker: %v", what, err)
	}
}

// Close ends the broker and its proxy. Brokers made by StartApache and StartFake are closed with their test.
func (b *Broker) Close() error {
	return errors.Join(b.node.resume(), b.node.stop(), b.Proxy.Close())
}

// StartApache starts a real Apache Kafka for one test. Without Java or Kafka's jars the test is skipped, or fails where
// everything is required.
func StartApache(t testing.TB) *Broker {
	t.Helper()
	b, err := OpenApache(env.ModuleRoot(t), t.TempDir())
	env.Require(t, "Apache Kafka ("+errText(err)+")", !errors.Is(err, ErrNoApache), "make deps")
	check(t, "start", err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close the broker: %v", err)
		}
	})
	return b
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// OpenApache starts a real Apache Kafka with its data in dir, for tests that share one: the caller closes it.
func OpenApache(root, dir string) (*Broker, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	proxy, err := NewProxy()
	if err != nil {
		return nil, err
	}
	listen, err := FreeAddr()
	if err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	proxy.SetTarget(listen)
	a, err := NewApache(ctx, ApacheConfig{Root: root, Listen: listen, Advertised: proxy.Addr(), Dir: dir})
	if err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	if err := a.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Close(), proxy.Close())
	}
	return &Broker{Name: "apache", Proxy: proxy, node: (*apacheNode)(a)}, nil
}

type apacheNode Apache

func (a *apacheNode) start(ctx context.Context) error { return (*Apache)(a).Start(ctx) }
func (a *apacheNode) kill() error                     { return (*Apache)(a).Kill() }
func (a *apacheNode) stop() error                     { return (*Apache)(a).Close() }
func (a *apacheNode) pause() error                    { return (*Apache)(a).Pause() }
func (a *apacheNode) resume() error {
	if a.cmd == nil {
		return nil
	}
	return (*Apache)(a).Resume()
}

// StartFake starts kfake for one test, with its data in a temporary directory. opts are added to the usual ones.
func StartFake(t testing.TB, opts ...kfake.Opt) *Broker {
	t.Helper()
	b, err := OpenFake(t.TempDir(), opts...)
	check(t, "start", err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close the broker: %v", err)
		}
	})
	return b
}

// OpenFake starts kfake with its data in dir, for tests that share one: the caller closes it.
func OpenFake(dir string, opts ...kfake.Opt) (*Broker, error) {
	proxy, err := NewProxy()
	if err != nil {
		return nil, err
	}
	listen, err := FreeAddr()
	if err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	proxy.SetTarget(listen)
	f := &fakeNode{proxy: proxy, listen: listen, dir: dir, opts: opts}
	if err := f.start(context.Background()); err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	return &Broker{Name: "kfake", Proxy: proxy, node: f}, nil
}

// Fake is kfake's cluster, for its own ways to inject faults; nil if the broker is another one or was killed.
func (b *Broker) Fake() *kfake.Cluster {
	if f, ok := b.node.(*fakeNode); ok {
		return f.cluster
	}
	return nil
}

type fakeNode struct {
	proxy   *Proxy
	listen  string
	dir     string
	opts    []kfake.Opt
	cluster *kfake.Cluster
}

func (f *fakeNode) start(context.Context) error {
	// kfake tells clients the address of its listener, so the listener says the proxy's.
	listen := func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, f.listen) //nolint:noctx // kfake gives no context
		if err != nil {
			return nil, err
		}
		return &advertised{Listener: l, addr: f.proxy.listener.Addr()}, nil
	}
	opts := append([]kfake.Opt{kfake.NumBrokers(1), kfake.ListenFn(listen), kfake.DataDir(filepath.Join(f.dir, "data")),
		kfake.GroupMinSessionTimeout(time.Second)}, f.opts...)
	var err error
	f.cluster, err = kfake.NewCluster(opts...)
	return err
}

type advertised struct {
	net.Listener
	addr net.Addr
}

func (a *advertised) Addr() net.Addr { return a.addr }

// kill is milder than a crash: kfake runs in the test's process and writes its state when it is closed.
func (f *fakeNode) kill() error {
	if f.cluster != nil {
		f.cluster.Close()
		f.cluster = nil
		f.proxy.Cut()
	}
	return nil
}

func (f *fakeNode) stop() error   { return f.kill() }
func (f *fakeNode) pause() error  { f.proxy.Stall(); return nil }
func (f *fakeNode) resume() error { f.proxy.Resume(); return nil }

// TempDir is a directory for a broker that outlives a test; the caller removes it.
func TempDir() (string, error) { return os.MkdirTemp("", "kafkatest-*") }

// StartDirect starts kfake for one test, in memory and without a proxy, which can't look into TLS. It returns the address.
func StartDirect(t testing.TB, opts ...kfake.Opt) string {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	check(t, "start", err)
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}
