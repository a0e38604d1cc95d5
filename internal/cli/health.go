package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type healthCmd struct {
	outputFlags
	URL     string        `name:"url" help:"Address to request: /readyz or /healthz of a process with --metrics-listen." default:"http://127.0.0.1:9108/readyz" placeholder:"URL"`
	Timeout time.Duration `help:"How long to wait for the answer." default:"3s" range:"1ms..1h"`
}

// Help implements kong.HelpProvider.
func (healthCmd) Help() string {
	return `Prints the answer of a process that runs with --metrics-listen: no process serves its health without it. /healthz answers 200 while the process runs. /readyz
answers 503, with the reason, while the process cannot do its work. Container health checks use this command.

Workers also report to the database, with or without --metrics-listen. This shows when a worker of each role did so last:
tidemark query "SELECT role, max(seen_at) FROM heartbeats WHERE worker != '' GROUP BY role"`
}

// Example implements exampler.
func (healthCmd) Example() string { return "tidemark health --url http://127.0.0.1:9108/readyz" }

// Run requests the address once.
func (c healthCmd) Run(ctx context.Context, s Streams) error {
	if err := invalid(ranges(c)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, http.NoBody)
	if err != nil {
		return invalid(fmt.Errorf("--url: %w", err))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) { // It repeats the address.
			err = inURL.Err
		}
		return fmt.Errorf("--url: nothing answers at %s: %w: start the process that you ask about with --metrics-listen, such as 'tidemark ingest --metrics-listen 127.0.0.1:9108', or give its address", c.URL, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.URL, err)
	}
	if c.json() {
		text := strings.TrimSpace(string(answer))
		err = printJSON(s.Out, healthJSON{URL: c.URL, Healthy: response.StatusCode == http.StatusOK, Status: response.StatusCode, Answer: text})
	} else {
		_, err = s.Out.Write(answer)
	}
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errFound
	}
	return nil
}
