package cli

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"tidemark/internal/procstat"
)

// stackUsage returns a function that asks the embedded stack what its process, broker and engine together, has used. It
// returns false of anything else, such as a ClickHouse server, and then does not ask again.
func (c clickhouseFlags) stackUsage() (func(context.Context) (procstat.Usage, bool), error) {
	transport := &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute}
	if strings.HasPrefix(c.ClickHouse, "https:") {
		var err error
		if transport.TLSClientConfig, err = tlsConfig("clickhouse", c.ClickHouseTLSCA, c.ClickHouseTLSCert, c.ClickHouseTLSKey); err != nil {
			return nil, err
		}
	}
	client := &http.Client{Transport: transport, Timeout: 2 * time.Second}
	other := false
	return func(ctx context.Context) (procstat.Usage, bool) {
		if other {
			return procstat.Usage{}, false
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.ClickHouse, "/")+"/metrics", nil)
		if err != nil {
			return procstat.Usage{}, false
		}
		answer, err := client.Do(request)
		if err != nil {
			return procstat.Usage{}, false // It may be busy.
		}
		defer func() { _ = answer.Body.Close() }()
		const most = 1 << 20
		text, err := io.ReadAll(io.LimitReader(answer.Body, most))
		if err != nil {
			return procstat.Usage{}, false
		}
		usage, ok := procstat.Parse(text)
		other = !ok || answer.StatusCode != http.StatusOK
		return usage, !other
	}, nil
}
