package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"go.uber.org/zap"

	"tidemark/internal/app"
	"tidemark/internal/webguard"
	"tidemark/producers/collector"
	"tidemark/producers/collector/keys"
	"tidemark/producers/formats/fields"
	"tidemark/producers/spool"
)

type collectCmd struct {
	commonFlags
	kafkaFlags
	opsFlags
	listenFlags
	senderFlags
	spoolFlags
	Compression     string `help:"Compression of record batches: snappy, lz4, zstd or none." default:"snappy" placeholder:"CODEC" group:"Kafka"`
	UserHashKeyFile string `help:"File with the key that users are hashed with, see tidemark replay. Empty: the key of this installation, tidemark/user-hash.key in the configuration folder ($XDG_CONFIG_HOME)." placeholder:"FILE" group:"Events"`
	NewKey          string `help:"Print a new API key for a tenant, and the line for --keys, and end." placeholder:"TENANT" group:"Senders"`
}

// listenFlags are the ports of a collector.
type listenFlags struct {
	HTTPListen     string `name:"http-listen" help:"Address for HTTP: OTLP, CloudEvents and JSON lines. Empty: no HTTP." default:"127.0.0.1:4318" placeholder:"HOST:PORT" group:"Ports"`
	GRPCListen     string `name:"grpc-listen" help:"Address for OTLP over gRPC. Empty: no gRPC." default:"127.0.0.1:4317" placeholder:"HOST:PORT" group:"Ports"`
	TLSCert        string `name:"tls-cert" help:"PEM file with the certificate of both ports." placeholder:"FILE" group:"Ports"`
	TLSKey         string `name:"tls-key" help:"PEM file with its key." placeholder:"FILE" group:"Ports"`
	TLSClientCA    string `name:"tls-client-ca" help:"PEM file with the authority that must have signed the certificates of senders." placeholder:"FILE" group:"Ports"`
	InsecureListen bool   `help:"Allow an address that other machines can reach without TLS, or without --keys." group:"Ports"`
}

// senderFlags say who may send what.
type senderFlags struct {
	Keys         string        `help:"File with the API keys of senders, one JSON object per line. Tidemark reads it again when it changes. Empty: no keys, and everybody who reaches a port sends for --tenant." placeholder:"FILE" group:"Senders"`
	Tenant       string        `help:"Without --keys: tenant of all events." placeholder:"NAME" group:"Senders"`
	Product      string        `help:"Without --keys: product of events that name none." placeholder:"NAME" group:"Senders"`
	AcceptPast   time.Duration `help:"Reject events that are older, unless their key may backfill." default:"720h" group:"Senders" range:"1m..2540400h"`
	AcceptFuture time.Duration `help:"Reject events that are further in the future, unless their key may backfill." default:"5m" group:"Senders" range:"1s..2540400h"`
}

// spoolFlags say what is kept for senders that do not send again.
type spoolFlags struct {
	Spool   string `help:"Folder that keeps the events of senders that do not send again while Kafka does not acknowledge, see below. Empty: such senders are refused like all others." placeholder:"DIR" group:"Spool"`
	SpoolMB int64  `name:"spool-mb" help:"Bound of what waits in the spool, in MB. Above it such senders are refused." default:"1000" placeholder:"N" group:"Spool" range:"1..1000000"`
}

// Help implements kong.HelpProvider.
func (collectCmd) Help() string {
	return `Tidemark answers a request when the log has all of its events. If the answer is 429 or 503, nothing has to be known about
what was stored: send the same request again, and every event counts once. An event that cannot be accepted is rejected
alone, with its field and the reason.

  POST /v1/traces /v1/logs /v1/metrics   OTLP, Protobuf or JSON; the same over gRPC. Metrics are accepted and not counted
  POST /v1/cloudevents                   CloudEvents 1.0: structured, batch or binary
  POST /api/v1/events                    the same, with the answers of OpenMeter
  POST /v1/events                        JSON: one event per line, one event, or an array. "type": "token_call", then the
                                         fields of the event under the names of usage.proto; "time" is RFC 3339, or
                                         "time_us" a number; "user" is an identifier, which Tidemark hashes
  POST /v1/gateways                      records of LiteLLM's callbacks, Kong, Envoy AI Gateway and Bedrock, as JSON
  GET  /healthz /readyz

A call to a model counts once, however many spans, log records and gateways report it; see docs/collecting.md.
Bodies may be compressed with gzip or zstd, and may have 16 MiB and 10,000 items.

--keys names a file of JSON lines, one key per line:

  {"id": "0f8e2d4c6b1a3957", "sha256": "9f86d081...", "tenant": "acme", "product": "api", "rate": 1000,
   "endpoints": ["traces", "logs", "metrics", "cloudevents", "events", "gateways"], "backfill": false, "sends_once": false, "disabled": false}

(on one line). Only id, sha256 (of the secret, in hexadecimal) and tenant are required; rate is in events per second.
sends_once says that the senders of a key do not send a refused request again. LiteLLM's callbacks and Codex are known to
be such senders. While Kafka does not acknowledge, --spool keeps what they send on disk, answers, and sends it to Kafka
later, oldest first; the audit counts what waits. One process at a time uses a folder.
--new-key makes a key. A sender sends it as a bearer token, in the header X-API-Key, or as the user of basic
authentication. The tenant of an event is that of its key. Without --keys the ports must be on loopback unless
--insecure-listen is given, and requests of web pages are refused. Allow further host names with --allow-host.`
}

// Example implements exampler.
func (collectCmd) Example() string {
	return "tidemark collect --new-key acme > acme.txt\ntidemark collect --keys keys.jsonl --brokers kafka-1:9092 --metrics-listen :9109"
}

func (c *collectCmd) validate() error {
	errs := []error{c.commonFlags.validate(), c.kafkaFlags.validate(), c.opsFlags.validate(), ranges(c.senderFlags), ranges(c.spoolFlags), producerFlags{Compression: c.Compression}.validate()}
	if c.HTTPListen == "" && c.GRPCListen == "" {
		errs = append(errs, errors.New("--http-listen and --grpc-listen: set one of them"))
	}
	_, err := c.tls()
	errs = append(errs, err)
	for _, port := range []struct{ flag, address string }{{"--http-listen", c.HTTPListen}, {"--grpc-listen", c.GRPCListen}} {
		if port.address != "" {
			errs = append(errs, c.validatePort(port.flag, port.address))
		}
	}
	switch {
	case c.Keys != "" && (c.Tenant != "" || c.Product != ""):
		errs = append(errs, errors.New("--tenant and --product: the keys of --keys name them"))
	case c.Keys == "" && c.Tenant == "":
		errs = append(errs, errors.New("--keys or --tenant: set one of them, so that events have a tenant"))
	case c.Keys == "":
		if err := keys.ValidLabels(c.Tenant, c.Product); err != nil {
			errs = append(errs, fmt.Errorf("--tenant and --product: %w", err))
		}
	}
	return invalid(errs...)
}

// validatePort refuses an address at which everybody could send, or listen.
func (c *collectCmd) validatePort(flag, address string) error {
	host, _, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %q is not host:port", flag, address)
	case webguard.Loopback(host) || c.InsecureListen:
		return nil
	case c.Keys == "" && c.TLSClientCA == "":
		return fmt.Errorf("%s: other machines can reach %q, and there are no keys: use 127.0.0.1, set --keys, or add --insecure-listen", flag, address)
	case c.TLSCert == "":
		return fmt.Errorf("%s: other machines can reach %q, and keys would travel as plain text: set --tls-cert and --tls-key, or add --insecure-listen", flag, address)
	}
	return nil
}

// tls returns how the ports speak TLS, nil if they do not.
func (c *collectCmd) tls() (*tls.Config, error) {
	if c.TLSCert == "" && c.TLSKey == "" {
		if c.TLSClientCA != "" {
			return nil, errors.New("--tls-client-ca: needs --tls-cert and --tls-key")
		}
		return nil, nil
	}
	if c.TLSCert == "" || c.TLSKey == "" {
		return nil, errors.New("--tls-cert and --tls-key: give both or none")
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.TLSClientCA != "" {
		pem, err := os.ReadFile(c.TLSClientCA)
		if err != nil {
			return nil, fmt.Errorf("--tls-client-ca: %w", err)
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--tls-client-ca: no PEM certificate in %s", c.TLSClientCA)
		}
	}
	return config, nil
}

// Run collects until a signal.
func (c *collectCmd) Run(ctx context.Context, s Streams) (err error) {
	if c.NewKey != "" {
		return printKey(s, c.NewKey)
	}
	if err := c.validate(); err != nil {
		return err
	}
	log := c.logger(s)
	users, err := c.users(s)
	if err != nil {
		return err
	}
	config := app.CollectorConfig{
		Namespace: c.Namespace, HTTPListen: c.HTTPListen, GRPCListen: c.GRPCListen, Hosts: c.AllowHost, Tenant: c.Tenant, Product: c.Product, Users: users,
		Limits: collector.Limits{Past: c.AcceptPast, Future: c.AcceptFuture}, Log: log,
	}
	if config.TLS, err = c.tls(); err != nil {
		return err
	}
	if c.Keys != "" {
		config.Keys, err = keys.Open(c.Keys, func(err error) {
			log.Error("the changed file of keys cannot be read; the keys stay as they were", zap.Error(err))
		})
		if err != nil {
			return invalid(fmt.Errorf("--keys: %w", err))
		}
	}
	if err := c.reach(ctx); err != nil {
		if c.Spool == "" {
			return err
		}
		log.Warn("Kafka cannot be reached; events of senders that do not send again go to the spool", zap.Error(err))
	}
	writer, err := c.writer("tidemark-collect", c.Compression)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	if c.Spool != "" {
		config.Spool, err = spool.Open(c.Spool, c.SpoolMB*1_000_000)
		if err != nil {
			return fmt.Errorf("--spool: %w", err)
		}
		defer func() { err = errors.Join(err, config.Spool.Close()) }()
	}
	if config.Client, err = c.client("tidemark-collect"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, config.Client.Close()) }()
	m := newMetrics(c.Namespace)
	config.Events, config.Counters = writer, m.collect
	process, err := app.NewCollector(ctx, config)
	if err != nil {
		return err
	}
	stop, err := c.serve(ctx, m.registry, func() error { return process.Ready(ctx) }, log)
	if err != nil {
		return errors.Join(err, process.Close())
	}
	defer stop()
	web, rpc := process.Addresses()
	fmt.Fprintf(s.Out, "http  %s\ngrpc  %s\n%s\n", web, rpc, readyLine)
	return process.Run(ctx)
}

// users returns the hasher of users.
func (c *collectCmd) users(s Streams) (*fields.Users, error) {
	if c.UserHashKeyFile == "" {
		return installedUsers(s.Err)
	}
	key, err := readUserKey(c.UserHashKeyFile)
	if err != nil {
		return nil, fmt.Errorf("--user-hash-key-file: %w", err)
	}
	return fields.KeyedUsers(key), nil
}

// printKey prints a new key of a tenant and the line for the file.
func printKey(s Streams, tenant string) error {
	key, line, err := keys.New(tenant)
	if err != nil {
		return invalid(fmt.Errorf("--new-key: %w", err))
	}
	fmt.Fprintf(s.Out, "The key, for the sender. It is not stored anywhere:\n%s\n\nThe line for the file of --keys:\n%s\n", key, line)
	return nil
}
