package collector

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// GRPC serves OTLP over gRPC. The library does what is gRPC about it: methods, time-outs, statuses. It gets an empty
// message in the place of the body, which Server.run reads itself, so that a sender has no memory before it has
// authenticated, and never more than the gate lets it have.
func (s *Server) GRPC() http.Handler {
	server := grpc.NewServer(grpc.MaxRecvMsgSize(s.limits.Body))
	ptraceotlp.RegisterGRPCServer(server, &tracesService{server: s})
	plogotlp.RegisterGRPCServer(server, &logsService{server: s})
	pmetricotlp.RegisterGRPCServer(server, &metricsService{server: s})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := r.Clone(context.WithValue(r.Context(), outerKey{}, r))
		inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, frameBytes))), frameBytes
		inner.Header.Del("Grpc-Encoding")
		server.ServeHTTP(w, inner)
	})
}

// outerKey is the key of the request of HTTP in the context of a call.
type outerKey struct{}

// call takes a call through all steps.
func (s *Server) call(ctx context.Context, endpoint string, decode func(*exchange) func([]byte) (Batch, *refusal)) (*exchange, Batch, error) {
	r, ok := ctx.Value(outerKey{}).(*http.Request)
	if !ok {
		return nil, Batch{}, status.Error(codes.Unavailable, "the call did not come in over HTTP")
	}
	x := s.exchange(r, endpoint, otlpProto)
	x.open = func() (wire, *refusal) { return openFrame(r, s.limits.Body) }
	x.decode = decode(x)
	batch, refused := x.run(ctx)
	if refused != nil {
		x.count(Batch{}, refused, refused.status)
		return nil, Batch{}, status.FromProto(refused.proto()).Err()
	}
	x.count(batch, nil, http.StatusOK)
	return x, batch, nil
}

// frameBytes is what stands before a message: whether it is compressed, and its length.
const frameBytes = 5

// openFrame returns the one message of a call.
func openFrame(r *http.Request, limit int) (wire, *refusal) {
	var frame [frameBytes]byte
	if _, err := io.ReadFull(r.Body, frame[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return wire{}, badRequest("the call has no message")
		}
		return wire{}, unavailable("the message did not arrive in time")
	}
	length := binary.BigEndian.Uint32(frame[1:])
	if int64(length) > int64(limit) {
		return wire{}, tooLarge("the message has %d bytes; the limit is %d", length, limit)
	}
	in := wire{Reader: &exactly{r: r.Body, left: int64(length)}, length: int64(length)}
	switch in.encoding = r.Header.Get("Grpc-Encoding"); {
	case frame[0] == 0:
		in.encoding = ""
	case in.encoding == "" || in.encoding == "identity":
		return wire{}, badRequest("the message is compressed, and the call does not say how")
	}
	return in, nil
}

// errMore ends the reading of a call that has more than one message. The others would be lost.
var errMore = errors.New("the call has more than one message")

// exactly reads the bytes of a message. All of them must be there, and nothing behind them.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		n, err := e.r.Read(make([]byte, 1))
		if n > 0 {
			err = errMore
		}
		return 0, err
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

type tracesService struct {
	ptraceotlp.UnimplementedGRPCServer
	server *Server
}

// Export implements ptraceotlp.GRPCServer.
func (t *tracesService) Export(ctx context.Context, _ ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	x, batch, err := t.server.call(ctx, "traces", decodeTraces)
	if err != nil {
		return ptraceotlp.ExportResponse{}, err
	}
	return tracesResponse(x, batch), nil
}

type logsService struct {
	plogotlp.UnimplementedGRPCServer
	server *Server
}

// Export implements plogotlp.GRPCServer.
func (l *logsService) Export(ctx context.Context, _ plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	x, batch, err := l.server.call(ctx, "logs", decodeLogs)
	if err != nil {
		return plogotlp.ExportResponse{}, err
	}
	return logsResponse(x, batch), nil
}

type metricsService struct {
	pmetricotlp.UnimplementedGRPCServer
	server *Server
}

// Export implements pmetricotlp.GRPCServer.
func (m *metricsService) Export(ctx context.Context, _ pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	_, _, err := m.server.call(ctx, "metrics", decodeMetrics)
	return pmetricotlp.NewExportResponse(), err
}
