package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"tidemark/internal/webguard"
)

// opsFlags are the operations endpoints of a command that runs on.
type opsFlags struct {
	MetricsListen string   `help:"Serve /metrics, /healthz and /readyz on this address. Empty: serve nothing." placeholder:"HOST:PORT" group:"Operations"`
	AllowHost     []string `help:"Another host name under which clients may reach --metrics-listen, besides the machine's addresses and names of its own network. Repeatable." placeholder:"NAME" group:"Operations"`
	Pprof         bool     `help:"Also serve /debug/pprof on --metrics-listen." group:"Operations"`
}

func (o opsFlags) validate() error {
	var errs []error
	if o.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(o.MetricsListen); err != nil {
			errs = append(errs, fmt.Errorf("--metrics-listen: %q is not host:port", o.MetricsListen))
		}
	} else if o.Pprof {
		errs = append(errs, errors.New("--pprof: needs --metrics-listen"))
	}
	return errors.Join(errs...)
}

// serve starts the server and returns a function that stops it and waits for it. ready returns why the process is not ready,
// nil if it is.
func (o opsFlags) serve(ctx context.Context, registry *prometheus.Registry, ready func() error, log *zap.Logger) (func(), error) {
	if o.MetricsListen == "" {
		return func() {}, nil
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", o.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("--metrics-listen: %w", err)
	}
	// There is no WriteTimeout: a profile takes as long as its request asks for.
	server := &http.Server{Handler: o.routes(registry, ready), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the server of the operations endpoints failed", zap.Error(err))
		}
	}()
	log.Info("serving operations endpoints", zap.String("address", listener.Addr().String()))
	return func() {
		if err := server.Close(); err != nil {
			log.Warn("closing the operations endpoints failed", zap.Error(err))
		}
		<-done
	}, nil
}

func (o opsFlags) routes(registry *prometheus.Registry, ready func() error) http.Handler {
	host, _, err := net.SplitHostPort(o.MetricsListen)
	if err != nil {
		host = "" // See validate.
	}
	guard := webguard.New(host, o.AllowHost...)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, ready()) })
	all := http.NewServeMux()
	all.Handle("/", guard.Handler(mux, true, nil))
	if o.Pprof {
		profiles := http.NewServeMux()
		profiles.HandleFunc("/debug/pprof/", pprof.Index)
		profiles.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		profiles.HandleFunc("/debug/pprof/profile", pprof.Profile)
		profiles.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		profiles.HandleFunc("/debug/pprof/trace", pprof.Trace)
		all.Handle("/debug/pprof/", guard.Handler(profiles, false, nil)) // A link must not make the process work.
	}
	return all
}

// answer writes ok, or 503 with the reason.
func answer(w http.ResponseWriter, problem error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text := "ok"
	if problem != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = problem.Error()
	}
	// A prober that hung up needs no answer.
	_, _ = fmt.Fprintln(w, text)
}
