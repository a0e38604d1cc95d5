package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/clickhouse"
	"tidemark/dashboards"
	"tidemark/dashboards/preview"
	"tidemark/internal/webguard"
)

// stopPreview is how long a stopping Preview waits for answers under way.
const stopPreview = 5 * time.Second

// PreviewConfig is where a Preview listens and what it shows. DB, Namespace, Listen and Timeout are required.
type PreviewConfig struct {
	// DB is the namespace's database. The caller closes it after the Preview.
	DB        *clickhouse.DB
	Namespace string
	Version   string // of the program, as the page shows it
	Listen    string // host:port
	// Hosts are further names, without ports, that the page is reached by.
	Hosts []string
	// AnyPort takes a free port if that of Listen is taken.
	AnyPort bool
	// Timeout is how long the page waits for a panel.
	Timeout time.Duration
	// Log gets errors of the server. Default none.
	Log *zap.Logger
}

// Preview serves the dashboards that are built into the program on a page of its own.
type Preview struct {
	url  string
	stop func() error
}

// StartPreview serves until Close. The end of ctx does not end the Preview.
func StartPreview(ctx context.Context, c PreviewConfig) (*Preview, error) {
	files, err := dashboards.Committed()
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, f := range files {
		texts = append(texts, f.JSON)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	handler, err := preview.New(preview.Config{
		DB: c.DB, Dashboards: texts, Namespace: c.Namespace, Version: c.Version, Guard: webguard.New(host, c.Hosts...), Timeout: c.Timeout,
	})
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, c.Listen, c.AnyPort)
	if err != nil {
		return nil, err
	}
	log := logger(c.Log)
	detached := context.WithoutCancel(ctx)
	base, cancel := context.WithCancel(detached)
	server := &http.Server{
		Handler: handler, BaseContext: func(net.Listener) context.Context { return base }, ErrorLog: zap.NewStdLog(log),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: c.Timeout + 30*time.Second, IdleTimeout: 2 * time.Minute,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the preview's server failed", zap.Error(err))
		}
	}()
	stop := func() error {
		cancel() // It ends the queries that run.
		ctx, cancel := context.WithTimeout(detached, stopPreview)
		defer cancel()
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(fmt.Errorf("stop the preview: %w", err), server.Close())
		}
		<-done
		return err
	}
	return &Preview{url: "http://" + reachable(listener.Addr()) + "/", stop: stop}, nil
}

// listen listens on the address, or on a free port of its host if that is allowed.
func listen(ctx context.Context, address string, anyPort bool) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if anyPort && errors.Is(err, syscall.EADDRINUSE) {
		if host, _, splitErr := net.SplitHostPort(address); splitErr == nil {
			listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// reachable returns the host and port to open for an address that is listened on.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return address.String()
}

// URL returns the address of the page.
func (p *Preview) URL() string { return p.url }

// Close ends the queries that run, lets their answers out, and waits for the server. Call it once.
func (p *Preview) Close() error { return p.stop() }
