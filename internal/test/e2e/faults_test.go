package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // Some clients compress.
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// faults stands between a client and the collector. For each path and each method it refuses the first request and asks for
// it again a second later; it hands the second one on and cuts the connection before the answer; it lets all others through.
type faults struct {
	http string // What stands for the collector's ports.
	grpc string

	mu    sync.Mutex
	seen  map[string]int
	media map[string]string // The media type of the last request.
	ok    map[string]int    // Successes that were sent to the client.
}

// next returns the place of a request among those of its path, from 1.
func (f *faults) next(path, media string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[path]++
	f.media[path] = media
	return f.seen[path]
}

func (f *faults) succeeded(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ok[path]++
}

// check holds what a client sent against what is known about it: that both faults met it, and whether it came again.
func (f *faults) check(t *testing.T, c client) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	media := c.media
	if media == "" {
		media = "application/x-protobuf"
	}
	if seen, ok := f.seen[c.to], f.ok[c.to]; seen < 2 || c.once != (ok == 0) || f.media[c.to] != media {
		t.Errorf("%d requests of %s to %s, %d successes; sends once: %t, media type %s", seen, f.media[c.to], c.to, ok, c.once, media)
	}
}

// newFaults stands before a collector's ports.
func newFaults(t *testing.T, httpAddress, grpcAddress string) *faults {
	t.Helper()
	f := &faults{seen: map[string]int{}, media: map[string]string{}, ok: map[string]int{}}
	server := httptest.NewServer(f.handler(t, httpAddress))
	t.Cleanup(server.Close)
	f.http = server.URL
	f.grpc = "http://" + f.serveGRPC(t, grpcAddress)
	return f
}

func (f *faults) handler(t *testing.T, to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // The client has gone.
		}
		n := f.next(r.URL.Path, r.Header.Get("Content-Type"))
		if n == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		request, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.Path, strings.NewReader(string(body)))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header = r.Header.Clone()
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Errorf("%s does not reach the collector: %v", r.URL.Path, err)
			return
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		if response.StatusCode/100 != 2 {
			t.Errorf("%s: %s: %s", r.URL.Path, response.Status, answer)
		}
		if n == 2 {
			cut(t, w)
			return
		}
		for name, values := range response.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(response.StatusCode)
		if _, err := w.Write(answer); err == nil {
			f.succeeded(r.URL.Path)
		}
	})
}

// cut closes the connection of a request that has no answer yet.
func cut(t *testing.T, w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		t.Error("the connection cannot be cut")
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	conn.Close()
}

// raw passes messages of gRPC on as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) { return *(v.(*[]byte)), nil } //nolint:errcheck // serveGRPC gives nothing else

func (raw) Unmarshal(data []byte, v any) error {
	*(v.(*[]byte)) = append([]byte(nil), data...) //nolint:errcheck // serveGRPC gives nothing else
	return nil
}

// conns are the connections of a port by the address of the client.
type conns struct {
	net.Listener
	mu   sync.Mutex
	open map[string]net.Conn
}

func (c *conns) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.mu.Lock()
		c.open[conn.RemoteAddr().String()] = conn
		c.mu.Unlock()
	}
	return conn, err
}

func (c *conns) cut(ctx context.Context) {
	if from, ok := peer.FromContext(ctx); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open[from.Addr.String()].Close()
	}
}

// serveGRPC starts the port for gRPC and returns its address.
func (f *faults) serveGRPC(t *testing.T, to string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	port := &conns{Listener: listener, open: map[string]net.Conn{}}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		ctx := stream.Context()
		method, _ := grpc.MethodFromServerStream(stream)
		var request, answer []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		n := f.next(method, "application/grpc")
		if n == 1 {
			refused, err := status.New(codes.Unavailable, "not now").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
			if err != nil {
				return err
			}
			return refused.Err()
		}
		if incoming, ok := metadata.FromIncomingContext(ctx); ok {
			ctx = metadata.NewOutgoingContext(ctx, metadata.MD{"x-api-key": incoming.Get("x-api-key")})
		}
		if err := client.Invoke(ctx, method, &request, &answer, grpc.ForceCodec(raw{})); err != nil {
			t.Errorf("%s: %v", method, err)
			return err
		}
		if n == 2 {
			port.cut(stream.Context())
			return nil
		}
		if err := stream.SendMsg(&answer); err != nil {
			return err
		}
		f.succeeded(method)
		return nil
	}))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(port) // It ends with Stop.
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}
