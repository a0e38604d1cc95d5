package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"tidemark/internal/app"
)

// TestIngestWithoutDatabase: a batch run ends when the database does not answer, and says what to do; a worker waits, says for what, and
// ends at once when it is to stop.
func TestIngestWithoutDatabase(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag string
		code int
		says []string
	}{
		{"--until-caught-up", exitFailed, []string{"--clickhouse, http://127.0.0.1:1, ", "refused", "Is --clickhouse (TIDEMARK_CLICKHOUSE) the address", "tidemark stack"}},
		{"--log-format=console", exitOK, []string{"the database of --clickhouse does not tell its schema; trying again", `"clickhouse": "http://127.0.0.1:1"`}},
	} {
		t.Run(test.flag, func(t *testing.T) {
			t.Parallel()
			const patience = 20 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var out bytes.Buffer
			errOut := &stopper{at: "trying again", stop: cancel}
			began := time.Now()
			code := run(ctx, []string{"ingest", test.flag, "--brokers", answering(t, ""), "--clickhouse", "http://127.0.0.1:1"}, Streams{Out: &out, Err: errOut})
			if code != test.code || time.Since(began) > patience {
				t.Errorf("exit code %d after %s", code, time.Since(began))
			}
			for _, said := range test.says {
				if !strings.Contains(errOut.String(), said) {
					t.Errorf("no %q in\n%s", said, errOut)
				}
			}
		})
	}
}

// TestIngested: what is left in a log that nobody has read is not 0.
func TestIngested(t *testing.T) {
	t.Parallel()
	if got, want := ingested(app.NewIngester(app.IngesterConfig{Namespace: "lab"})), "0 offsets ingested, it is not known yet how many are left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
