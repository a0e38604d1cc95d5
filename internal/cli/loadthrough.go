package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tidemark/internal/app"
	"tidemark/producers/load"
	"tidemark/producers/synthetic"
)

// Where the events of a load test go.
const (
	throughKafka = "kafka"
	throughHTTP  = "http"
	throughOTLP  = "otlp"
)

// throughFlags name the collector that events go through.
type throughFlags struct {
	Through         string `help:"Where to send the events: kafka, the log; http, a collector's /v1/events; or otlp, its /v1/traces." default:"kafka" placeholder:"WAY" group:"Load"`
	Collector       string `help:"Address of the HTTP port of the collector of --through http or otlp." default:"http://127.0.0.1:4318" placeholder:"URL" group:"Load"`
	CollectorKey    string `env:"TIDEMARK_COLLECTOR_KEY" help:"API key for the collector. Empty: none." placeholder:"KEY" group:"Load"`
	CollectorTenant string `help:"Tenant that the collector gives to what comes with the key. Required with --through http and otlp." placeholder:"NAME" group:"Load"`
}

// validateThrough returns why events cannot go there.
func (c *loadCmd) validateThrough() error {
	switch c.Through {
	case throughKafka:
		return nil
	case throughHTTP, throughOTLP:
	default:
		return fmt.Errorf("--through: %q is not %s, %s or %s", c.Through, throughKafka, throughHTTP, throughOTLP)
	}
	var errs []error
	if u, err := url.Parse(c.Collector); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("--collector: %q is not http://HOST:PORT or https://HOST:PORT", redact(c.Collector)))
	}
	if c.CollectorTenant == "" {
		errs = append(errs, fmt.Errorf("--collector-tenant: --through %s needs the tenant of the key, which decides the partitions of events", c.Through))
	}
	if c.Mix != synthetic.TokenCalls || c.Poison > 0 {
		errs = append(errs, fmt.Errorf("--mix, --poison: --through %s sends %s alone, and no poison", c.Through, synthetic.TokenCalls))
	}
	if c.Through == throughOTLP && (c.Duplicates > 0 || c.Conflicts > 0) {
		errs = append(errs, errors.New("--duplicates, --conflicts: not with --through otlp, since a collector joins spans with one identity to one event"))
	}
	if c.Size != "" {
		errs = append(errs, errors.New("--size: a collector drops the text that fills an event up: only --through kafka sends it"))
	}
	if c.calibrateFlags.on() || c.backlogFlags.on() {
		errs = append(errs, errors.New("--through: --generator-only, --discard and --backlog go to the log"))
	}
	return errors.Join(errs...)
}

// collectorLog returns the log that sends to the collector.
func (c *loadCmd) collectorLog(recorder *load.Recorder) *app.CollectorLog {
	const connections = 8
	transport := &http.Transport{MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute}
	return &app.CollectorLog{
		URL: c.Collector, Key: c.CollectorKey, Tenant: c.CollectorTenant, Client: &http.Client{Transport: transport}, Spans: c.Through == throughOTLP,
		Acknowledged: recorder.Acknowledged,
	}
}
