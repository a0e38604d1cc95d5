package clickhouse_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ledger"
)

// TestStatements keeps every statement that the store and the migrations send, with its settings.
func TestStatements(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	_, address := newFront(t, func(f *front, w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		statement, body := query.Get("query"), io.Reader(r.Body)
		if statement == "" {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			statement, body = string(text), strings.NewReader(string(text))
		}
		if strings.HasPrefix(statement, "SELECT displayName()") { // The driver's own, on a new connection.
			f.pass(w, r, body)
			return
		}
		mu.Lock()
		fmt.Fprintln(&sent, statement)
		for _, name := range slices.Sorted(maps.Keys(query)) {
			if name != "query" && name != "query_id" { // Which is another each time.
				fmt.Fprintf(&sent, "    %s = %s\n", name, query.Get(name))
			}
		}
		mu.Unlock()
		f.pass(w, r, body)
	})
	direct := openRaw(t)
	db := clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: direct.Database()})
	store := clickhouse.NewStore(db)
	ctx := t.Context()
	for _, step := range []func() error{
		func() error { return store.Insert(ctx, calls, block(t, calls, 0, 1, time.Second)) },
		func() error {
			return store.Account(ctx, ledger.Row{Partition: ledger.Partition{Topic: calls.Topic, Epoch: 1, ID: 3}, From: 5, To: 6, FetchedAt: start})
		},
		func() error { _, err := store.Resume(ctx, calls, 10); return err },
		func() error {
			return store.Account(ctx, ledger.Row{Partition: ledger.Partition{Topic: calls.Topic, Epoch: 1, ID: 3}, From: 0, To: 5, FetchedAt: start})
		},
		func() error { _, err := store.Resume(ctx, calls, 10); return err },
		func() error { _, err := store.Epoch(ctx, "queries.v1", [16]byte{1}); return err },
		func() error { return db.Format(ctx, "SELECT 1", "CSV", io.Discard) },
		func() error {
			_, err := migrate(t, clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: direct.Database() + "_other"}), plan(1))
			return err
		},
		func() error { return direct.Exec(ctx, "DROP DATABASE "+direct.Database()+"_other SYNC") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.ReplaceAll(sent.String(), direct.Database(), "tidemark")
	text = regexp.MustCompile("[0-9a-f]{64}").ReplaceAllString(text, "CHECKSUM") // It is of a text with the database's name.
	golden(t, "statements.golden", []byte(text))
}
