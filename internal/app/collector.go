package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/webguard"
	"tidemark/producers"
	"tidemark/producers/collector"
	"tidemark/producers/collector/keys"
	"tidemark/producers/formats/fields"
	"tidemark/producers/spool"
	"tidemark/schemas"
)

// failuresEvery is how often a Collector logs that requests fail: in an outage all do.
const failuresEvery = 10 * time.Second

// CollectorConfig is where a Collector listens and what it works with. Namespace, Events, Users, one of the addresses, and
// either Keys or Tenant are required.
type CollectorConfig struct {
	Namespace string
	// Events is the log that the events go to. The caller closes it after Run.
	Events producers.Log
	// Client reads the end of the log, so that calls are joined whose first report came to an earlier Collector. Nil: they
	// are not.
	Client *consumerkafka.Client
	// HTTPListen and GRPCListen are the addresses of the ports, host:port. Empty: there is no such port.
	HTTPListen, GRPCListen string
	// AnyPort takes a free port for one that is taken.
	AnyPort bool
	// Hosts are further names, without ports, that the ports are reached by. They matter without keys only.
	Hosts []string
	// TLS is how both ports speak TLS. Nil: they do not.
	TLS *tls.Config
	// Keys are those of the senders. Nil: everybody who reaches a port sends for Tenant and, where an event names none,
	// for Product.
	Keys            *keys.Ring
	Tenant, Product string
	// Users hashes the users that events name.
	Users  *fields.Users
	Limits collector.Limits
	// Spool keeps the events of senders that do not send again while the log does not acknowledge. The caller closes it after
	// Run. Nil: they are refused.
	Spool *spool.Spool
	// Counters counts requests. Default none.
	Counters collector.Counters
	// Log gets what the Collector survives. Default none.
	Log *zap.Logger
}

// Collector takes events over HTTP and gRPC to the log.
type Collector struct {
	config    CollectorConfig
	log       *zap.Logger
	sink      *eventSink
	spool     *collectorSpool // Nil without one.
	reports   intakeReports
	server    *collector.Server
	listeners [2]net.Listener // Of HTTP and of gRPC.
}

// NewCollector opens the ports. Call Run, which serves and closes them, or Close.
func NewCollector(ctx context.Context, c CollectorConfig) (*Collector, error) {
	out := &Collector{config: c, log: logger(c.Log), sink: newEventSink(c.Events, c.Namespace)}
	host := ""
	for i, address := range []string{c.HTTPListen, c.GRPCListen} {
		if address == "" {
			continue
		}
		listener, err := listen(ctx, address, c.AnyPort)
		if err != nil {
			return nil, errors.Join(err, out.Close())
		}
		out.listeners[i] = listener
		if name, _, err := net.SplitHostPort(address); err == nil && (host == "" || webguard.Loopback(host)) {
			host = name
		}
	}
	meaning := newCallReports(c.Users)
	if c.Client != nil {
		if err := meaning.recall(ctx, c.Client, schemas.TopicName(c.Namespace, schemas.SpecOf(schemas.TokenCallType).Topic)); err != nil {
			out.log.Warn("cannot read the last calls from the log; reports without an id of calls that were received before are not joined", zap.Error(err))
		}
	}
	failures := out.log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, failuresEvery, 1, 0)
	}))
	run := fmt.Sprintf("collect-%016x", rand.Uint64())
	out.reports = intakeReports{intake: collector.NewIntake(run), sender: &producers.Sender{Log: c.Events, Namespace: c.Namespace}, failures: failures}
	config := collector.Config{
		Sink: out.sink, OTLP: meaning, Gateways: meaning, Users: c.Users, Keys: c.Keys, Tenant: c.Tenant, Product: c.Product, Run: run,
		TLS: c.TLS, Limits: c.Limits, Counters: both{out.reports.intake, c.Counters},
		Ready: out.reach,
		Failed: func(err error) {
			failures.Warn("the log did not acknowledge a request; unless the spool keeps it, its sender is told to come again", zap.Error(err))
		},
		Prepare: func(s *http.Server) { s.ErrorLog = zap.NewStdLog(out.log) },
	}
	if c.Spool != nil {
		out.spool = &collectorSpool{spool: c.Spool, sink: out.sink, intake: out.reports.intake, log: out.log, failures: failures}
		config.Spool = out.spool
	}
	if c.Keys == nil {
		config.Guard = webguard.New(host, c.Hosts...)
	}
	out.server = collector.New(config)
	return out, nil
}

// Addresses returns the addresses of the ports, empty for one that there is not.
func (c *Collector) Addresses() (web, rpc string) {
	var out [2]string
	for i, listener := range c.listeners {
		if listener != nil {
			out[i] = listener.Addr().String()
		}
	}
	return out[0], out[1]
}

// Acknowledged returns how many events of each type the log has acknowledged.
func (c *Collector) Acknowledged() [schemas.NumTypes]uint64 {
	var out [schemas.NumTypes]uint64
	for t := range out {
		out[t] = c.sink.acknowledged[t].Load()
	}
	return out
}

// Ready returns why the Collector cannot accept events now; nil if it can.
func (c *Collector) Ready(ctx context.Context) error { return c.server.Ready(ctx) }

// reach asks the log for something that it does not know by heart for long.
func (c *Collector) reach(ctx context.Context) error {
	_, err := c.config.Events.Partitions(ctx, schemas.TopicName(c.config.Namespace, schemas.SpecOf(schemas.TokenCallType).Topic))
	return err
}

// Run serves until ctx ends. It then refuses new requests, finishes those under way, at most collector.Grace, reports what it
// received, and returns.
func (c *Collector) Run(ctx context.Context) error {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var senders, beside errgroup.Group
	c.sink.start(working, &senders)
	serving, stop := context.WithCancel(working)
	defer stop()
	beside.Go(func() error { c.reports.run(serving); return nil })
	if c.spool != nil {
		beside.Go(func() error { c.spool.drain(serving); return nil })
	}
	err := c.server.Serve(ctx, c.listeners[0], c.listeners[1])
	stop()
	err = errors.Join(err, beside.Wait())
	if err := c.reports.report(working, time.Now(), true); err != nil {
		c.log.Warn("what the collector received last is not reported; its events are on the log", zap.Error(err))
	}
	cancel()
	return errors.Join(err, senders.Wait())
}

// Close closes the ports of a Collector that has not run.
func (c *Collector) Close() error {
	var errs []error
	for _, listener := range c.listeners {
		if listener != nil {
			errs = append(errs, listener.Close())
		}
	}
	return errors.Join(errs...)
}
