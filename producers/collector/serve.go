package collector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bounds of a connection.
const (
	headerBytes  = 16 << 10
	headerTime   = 10 * time.Second
	idleTime     = 2 * time.Minute
	streams      = 100       // Requests at a time on one connection of HTTP/2.
	windowOfConn = 256 << 10 // What a connection of HTTP/2 may send before anybody reads it.
	// Grace is how long a stopping Server waits for the requests under way.
	Grace = 10 * time.Second
)

// Serve serves HTTP on web and gRPC on rpc, either of which may be nil, until ctx ends or a listener fails. It then
// refuses new requests for a time, waits for those under way, at most Grace, and closes the listeners. Call it once.
func (s *Server) Serve(ctx context.Context, web, rpc net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var servers []*http.Server
	serving, failed := errgroup.WithContext(ctx)
	for _, port := range []struct {
		listener net.Listener
		handler  func() http.Handler
	}{{web, s.Handler}, {rpc, s.GRPC}} {
		if port.listener == nil {
			continue
		}
		server := s.server(base, port.handler())
		servers = append(servers, server)
		serving.Go(func() error {
			if err := s.listen(server, port.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", port.listener.Addr(), err)
			}
			return nil
		})
	}
	<-failed.Done()
	select {
	case <-s.drain.start():
	case <-time.After(Grace):
	}
	cancel() // What is still under way answers 503.
	for _, server := range servers {
		s.stop(base, server)
	}
	return serving.Wait()
}

// stop closes a server when the last answers are out.
func (s *Server) stop(base context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(base), time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // Whoever is still connected has had its answer, or is not listening.
	}
}

func (s *Server) listen(server *http.Server, l net.Listener) error {
	if server.TLSConfig != nil {
		return server.ServeTLS(l, "", "")
	}
	return server.Serve(l)
}

func (s *Server) server(base context.Context, handler http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: handler, BaseContext: func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: min(headerTime, s.limits.Read), ReadTimeout: s.limits.Read, IdleTimeout: idleTime,
		WriteTimeout: s.limits.Read + s.limits.Send + maxWait, MaxHeaderBytes: headerBytes,
		Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streams, MaxReceiveBufferPerConnection: windowOfConn, MaxReceiveBufferPerStream: windowOfConn},
	}
	if s.config.TLS != nil {
		server.TLSConfig = s.config.TLS.Clone()
	}
	if s.config.Prepare != nil {
		s.config.Prepare(server)
	}
	return server
}
