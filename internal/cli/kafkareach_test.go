package cli

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	stacktest "tidemark/internal/test/stack"
)

// TestReach: what accepts connections and shows that it is no broker is no outage that passes.
func TestReach(t *testing.T) {
	t.Parallel()
	f := func(address, want string) {
		t.Helper()
		err := kafkaFlags{Brokers: []string{address}}.reach(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(advice(err), "--brokers")) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	f(web.Listener.Addr().String(), "speaks HTTP, not Kafka's protocol")
	f(answering(t, "\x15\x03\x03\x00\x02"), "speaks TLS: give --kafka-tls")
	f(answering(t, ""), "") // A broker that is starting, behind a proxy.
	f("127.0.0.1:1", "refused")
	running := stacktest.Start(t)
	f(running.KafkaAddr(), "")
	both := kafkaFlags{Brokers: []string{"127.0.0.1:1", running.KafkaAddr()}}
	if err := both.reach(t.Context()); err != nil {
		t.Errorf("one of two brokers answers: %v", err)
	}
}

// answering returns the address of a server that reads the length of a request, sends an answer and hangs up.
func answering(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // A test's own.
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			var head [4]byte
			_, _ = io.ReadFull(conn, head[:])
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// TestForeignClickHouse: a wrong address of ClickHouse is told as one, with the flag and a way out.
func TestForeignClickHouse(t *testing.T) {
	t.Parallel()
	f := func(address string, want ...string) {
		t.Helper()
		code, _, errOut := command(t, "query", "--clickhouse", "http://"+address, "SELECT 1")
		if code != exitFailed {
			t.Errorf("%s: exit code %d", address, code)
		}
		for _, w := range append(want, "--clickhouse", "tidemark stack") {
			if !strings.Contains(errOut, w) {
				t.Errorf("%s: no %q in\n%s", address, w, errOut)
			}
		}
		if strings.Contains(errOut, "max open conn") {
			t.Errorf("%s: the driver's advice to programmers:\n%s", address, errOut)
		}
	}
	f("127.0.0.1:1", "refused")
	f(stacktest.Start(t).KafkaAddr(), "ClickHouse")
	f(answering(t, "\x00\x00\x00\x04nonsense"), "ClickHouse")
}

// TestSyntaxErrorIsShort: ClickHouse's list of what it expected is cut.
func TestSyntaxErrorIsShort(t *testing.T) {
	t.Parallel()
	stack := stacktest.Start(t)
	code, _, errOut := command(t, "query", "--clickhouse", stack.HTTPURL(), "--namespace", stacktest.Database(t, stack), "SELECT SELEC FRM x")
	if code != exitFailed || len(errOut) > 600 || !strings.Contains(errOut, "SYNTAX_ERROR") || !strings.Contains(errOut, " and others") {
		t.Errorf("exit code %d, %d characters:\n%s", code, len(errOut), errOut)
	}
}
