package stack_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/stack"
	"tidemark/internal/stack/chdb"
	stacktest "tidemark/internal/test/stack"
)

func TestStartRefusesOtherMachines(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":9092", "192.168.1.1:0", "[::]:0", "example.com:0", "nonsense"} {
		for _, config := range []stack.Config{{KafkaListen: address}, {HTTPListen: address}} {
			config.DataDir = t.TempDir()
			s, err := stack.Start(t.Context(), config)
			if err == nil {
				t.Fatalf("%s: started, closed: %v", address, s.Close())
			}
			if !strings.Contains(err.Error(), address) {
				t.Fatalf("%s: %v", address, err)
			}
			if entries, err := os.ReadDir(config.DataDir); err != nil || len(entries) != 0 {
				t.Fatalf("%s: a refused start left %v, %v", address, entries, err)
			}
		}
	}
}

func TestStartWithoutLibrary(t *testing.T) {
	config := stack.Config{DataDir: t.TempDir(), NoKafka: true, HTTPListen: "127.0.0.1:0", LibCHDB: filepath.Join(t.TempDir(), "libchdb.so")}
	_, err := stack.Start(t.Context(), config)
	if !errors.Is(err, chdb.ErrNoLibrary) || !strings.Contains(err.Error(), "make deps") || !strings.Contains(err.Error(), chdb.LibraryEnv) {
		t.Fatalf("got %v", err)
	}
	// The failed start gave the directory free.
	config.NoClickHouse = true
	s, err := stack.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if s.HTTPURL() != "" || s.KafkaAddr() != "" {
		t.Fatalf("servers at %q and %q", s.HTTPURL(), s.KafkaAddr())
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOneEngineInAProcess(t *testing.T) {
	shared := stacktest.Start(t)
	_, err := stack.Start(t.Context(), stack.Config{DataDir: t.TempDir(), NoKafka: true, HTTPListen: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "one data folder at a time") {
		t.Fatalf("got %v", err)
	}
	if got := stacktest.Query(t, shared, "", "SELECT 1"); got != "1" {
		t.Fatalf("the running stack answers %q", got)
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := startChild(t, stack.Config{DataDir: dir})
	_, err := stack.Start(t.Context(), stack.Config{DataDir: dir, KafkaListen: "127.0.0.1:0", NoClickHouse: true})
	pid := fmt.Sprint(first.command.Process.Pid)
	if !errors.Is(err, stack.ErrLocked) || !strings.Contains(err.Error(), "process "+pid+" ") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v, want the directory and process %s", err, pid)
	}
	first.kill(t)
	second := startChild(t, stack.Config{DataDir: dir})
	if second.Error != "" {
		t.Fatalf("after kill -9: %s", second.Error)
	}
	second.stop(t)
}

func TestAuthentication(t *testing.T) {
	c := startChild(t, stack.Config{DataDir: t.TempDir(), NoKafka: true, User: "tide", Password: "mark"})
	ask := func(params []string, headers ...string) answer {
		return doTo(t, c.HTTP+"/", "", http.MethodPost, values(params...), strings.NewReader("SELECT 1"), headers...)
	}
	basic := func(user, password string) []string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	ask(nil, basic("tide", "mark")...).want(t, 200, "1\n")
	ask(nil, "X-ClickHouse-User", "tide", "X-ClickHouse-Key", "mark").want(t, 200, "1\n")
	ask([]string{"user", "tide", "password", "mark"}).want(t, 200, "1\n")
	none := ask(nil)
	none.wantError(t, 401, 194, "REQUIRED_PASSWORD")
	if none.header.Get("WWW-Authenticate") == "" {
		t.Fatal("no WWW-Authenticate")
	}
	ask(nil, basic("tide", "")...).wantError(t, 401, 194, "REQUIRED_PASSWORD")
	ask(nil, basic("tide", "wrong")...).wantError(t, 403, 516, "AUTHENTICATION_FAILED")
	ask(nil, basic("other", "mark")...).wantError(t, 403, 516, "AUTHENTICATION_FAILED")
	ask([]string{"user", "tide", "password", "wrong"}).wantError(t, 403, 516, "AUTHENTICATION_FAILED")
	ask(nil, "X-ClickHouse-User", "default", "X-ClickHouse-Key", "mark").wantError(t, 403, 516, "AUTHENTICATION_FAILED")
	doTo(t, c.HTTP+"/ping", "", http.MethodGet, nil, http.NoBody).want(t, 200, "Ok.\n")
	c.stop(t)
}
