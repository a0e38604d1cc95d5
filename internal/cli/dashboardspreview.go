package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"time"

	"go.uber.org/zap"

	"tidemark/internal/app"
	"tidemark/internal/webguard"
)

type dashboardsPreviewCmd struct {
	commonFlags
	clickhouseFlags
	Listen    string   `help:"Address of the page. It must be on loopback unless --expose is given." default:"127.0.0.1:3300" placeholder:"HOST:PORT" group:"Preview"`
	AllowHost []string `help:"Another host name under which browsers may reach --listen, besides the machine's addresses and names of its own network. Repeatable." placeholder:"NAME" group:"Preview"`
	Expose    bool     `help:"Allow a --listen address that other machines can reach. The page has no authentication: everybody who reaches it sees everything." group:"Preview"`
	previewFlags
	Open bool `help:"Open the page in the browser." group:"Preview"`
}

// previewFlags bound what a preview takes.
type previewFlags struct {
	Timeout time.Duration `help:"How long the page waits for a panel. ClickHouse itself stops a statement after 30s." default:"40s" group:"Preview" range:"100ms..1h"`
}

// Help implements kong.HelpProvider.
func (dashboardsPreviewCmd) Help() string {
	return `Shows the dashboards on a page of its own, without Grafana. It uses the same JSON and the same queries, and runs at most
four queries at a time, read-only. While ClickHouse is down the page stays up and shows the error. Stop it with Ctrl-C.`
}

// Example implements exampler.
func (dashboardsPreviewCmd) Example() string { return "tidemark dashboards preview --open" }

func (c *dashboardsPreviewCmd) validate() error {
	errs := []error{c.commonFlags.validate(), c.clickhouseFlags.validate()}
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("--listen: %q is not host:port", c.Listen))
	case !webguard.Loopback(host) && !c.Expose:
		errs = append(errs, fmt.Errorf("--listen: other machines can reach %q, and the preview has no authentication: use 127.0.0.1, or add --expose", c.Listen))
	}
	return invalid(append(errs, ranges(c.previewFlags))...)
}

// Run serves until a signal.
func (c *dashboardsPreviewCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	log := c.logger(s)
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := app.StartPreview(ctx, app.PreviewConfig{
		DB: db, Namespace: c.Namespace, Version: version(), Listen: c.Listen, Hosts: c.AllowHost, Timeout: c.Timeout, Log: log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if host, _, _ := net.SplitHostPort(c.Listen); !webguard.Loopback(host) {
		log.Warn("the preview has no authentication: everybody who reaches it can read all that its ClickHouse user can read", zap.String("address", p.URL()))
	}
	fmt.Fprintf(s.Out, "clickhouse  %s\ndashboards  %s\n%s\n", redact(c.ClickHouse), p.URL(), readyLine)
	if c.Open {
		if err := openBrowser(ctx, p.URL()); err != nil {
			log.Warn("opening the browser failed; open the address yourself", zap.Error(err))
		}
	}
	<-ctx.Done()
	log.Info("stopping")
	return nil
}

// openBrowser asks the desktop to open a page, and waits for its answer.
func openBrowser(ctx context.Context, url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	return exec.CommandContext(ctx, name, args...).Run()
}
