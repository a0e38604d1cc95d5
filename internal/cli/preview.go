package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tidemark/dashboards"
	"tidemark/dashboards/preview"
	"tidemark/internal/webguard"
)

type dashboardsPreviewCmd struct {
	commonFlags
	clickhouseFlags
	Listen    string        `help:"Address of the page; loopback only, unless --expose is given." default:"127.0.0.1:3300" placeholder:"HOST:PORT" group:"Preview"`
	AllowHost []string      `help:"A further name that --listen is reached by, besides the machine's addresses and names of its own network; repeatable." placeholder:"NAME" group:"Preview"`
	Expose    bool          `help:"Let --listen be an address that other machines reach. There is no authentication: whoever reaches it sees everything." group:"Preview"`
	Timeout   time.Duration `help:"How long the page waits for a panel; ClickHouse itself gives up a statement after 30s." default:"40s" group:"Preview" range:"100ms..1h"`
	Open      bool          `help:"Open the page in a browser." group:"Preview"`
}

// Help is the long text of "tidemark dashboards preview --help".
func (dashboardsPreviewCmd) Help() string {
	return `Shows the dashboards on a page of its own, without Grafana: the same JSON, the same queries, run read-only, at most four
at a time. It goes on without ClickHouse and says what is missing. Stop it with Ctrl-C.`
}

func (c *dashboardsPreviewCmd) validate() error {
	errs := []error{c.commonFlags.validate(), c.clickhouseFlags.validate()}
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("--listen: %q is not host:port", c.Listen))
	case !webguard.Loopback(host) && !c.Expose:
		errs = append(errs, fmt.Errorf("--listen: other machines may reach %q, and the preview has no authentication: choose 127.0.0.1, or add --expose", c.Listen))
	}
	return invalid(append(errs, ranges(*c))...)
}

// Run serves until a signal.
func (c *dashboardsPreviewCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	log := c.logger(s)
	p, err := startPreview(ctx, previewConfig{listen: c.Listen, hosts: c.AllowHost, namespace: c.Namespace, timeout: c.Timeout}, c.clickhouseFlags, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if host, _, _ := net.SplitHostPort(c.Listen); !webguard.Loopback(host) {
		log.Warn("whoever reaches the preview sees everything in ClickHouse that its user sees: there is no authentication", zap.String("address", p.url))
	}
	fmt.Fprintf(s.Out, "clickhouse  %s\ndashboards  %s\nready; Ctrl-C stops\n", redact(c.ClickHouse), p.url)
	if c.Open {
		if err := openBrowser(ctx, p.url); err != nil {
			log.Warn("the browser could not be opened: open the address yourself", zap.Error(err))
		}
	}
	<-ctx.Done()
	log.Info("stopping")
	return nil
}

// openBrowser asks the desktop to show a page, and waits until it has taken note.
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

// previewConfig says where the preview listens and what it shows.
type previewConfig struct {
	listen    string
	hosts     []string // Further names that the page is reached by.
	elsewhere bool     // Take a free port if that of listen is taken.
	namespace string
	timeout   time.Duration
}

// runningPreview is a preview that serves. close stops it.
type runningPreview struct {
	url    string
	server *http.Server
	cancel context.CancelFunc // Ends the queries that run.
	done   chan struct{}
	close  func() error
}

// startPreview serves the dashboards built into the program, beyond the end of ctx: close ends it.
func startPreview(ctx context.Context, c previewConfig, from clickhouseFlags, log *zap.Logger) (*runningPreview, error) {
	files, err := dashboards.Committed()
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, f := range files {
		texts = append(texts, f.JSON)
	}
	host, _, err := net.SplitHostPort(c.listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.listen, err)
	}
	db, err := from.open(c.namespace)
	if err != nil {
		return nil, err
	}
	handler, err := preview.New(preview.Config{
		DB: db, Dashboards: texts, Namespace: c.namespace, Version: version(), Guard: webguard.New(host, c.hosts...), Timeout: c.timeout,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	listener, err := listenPreview(ctx, c, host)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &runningPreview{url: "http://" + reachable(listener.Addr()) + "/", cancel: cancel, done: make(chan struct{})}
	p.server = &http.Server{
		Handler: handler, BaseContext: func(net.Listener) context.Context { return base }, ErrorLog: zap.NewStdLog(log),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: c.timeout + 30*time.Second, IdleTimeout: 2 * time.Minute,
	}
	p.close = func() error { return errors.Join(p.stop(), db.Close()) }
	go func() {
		defer close(p.done)
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the preview ended", zap.Error(err))
		}
	}()
	return p, nil
}

// listenPreview listens on the address, or on a free port beside it if that is wanted.
func listenPreview(ctx context.Context, c previewConfig, host string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.listen)
	if c.elsewhere && errors.Is(err, syscall.EADDRINUSE) {
		listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("the preview cannot listen: %w", err)
	}
	return listener, nil
}

// reachable is the host and port to open for an address that is listened on.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return address.String()
}

// stop ends the queries that run, lets their answers out, and waits for the server.
func (p *runningPreview) stop() error {
	p.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the preview: %w", err), p.server.Close())
	}
	<-p.done
	return err
}
