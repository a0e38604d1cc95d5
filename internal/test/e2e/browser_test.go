package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tidemark/dashboards"
	"tidemark/internal/test/env"
)

// screenshots is where the browser tests leave what they saw, from the module's root.
const screenshots = ".cache/screenshots"

// TestPreviewInBrowser opens every dashboard in a real browser as a person would, waits for data, and expects no error, no
// word on the console, no request to elsewhere and no empty panel but those that may be. It chooses variables and ranges,
// and leaves a picture of each dashboard.
func TestPreviewInBrowser(t *testing.T) {
	chromium := findChromium(t)
	p := sharedPipeline(t)
	p.lively(t)
	base := p.preview(t)
	b := openBrowser(t, chromium, base)

	allowed := map[string]map[uint32]string{}
	files, err := dashboards.Committed()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if slices.Contains(scenarioBoards, f.UID) {
			continue // See TestScenarioDashboards.
		}
		allowed[f.UID] = f.Allowed
		for _, look := range []struct {
			name, query   string
			width, height int64
		}{
			{"dark", "theme=dark", 1600, 2400},
			{"light", "theme=light", 1600, 2400},
			{"narrow", "theme=light", 420, 3000},
		} {
			t.Run(f.UID+" "+look.name, func(t *testing.T) {
				b.size(t, look.width, look.height)
				b.open(t, "/d/"+f.UID+"?refresh=&from=now-6h&to=now&var-namespace="+p.namespace+"&"+look.query)
				b.settled(t, f.UID)
				b.panels(t, f.Allowed)
				b.hinted(t)
				b.picture(t, f.UID+"-"+look.name)
				b.quiet(t)
			})
		}
	}
	t.Run("a variable", func(t *testing.T) {
		b.size(t, 1600, 1200)
		b.open(t, "/d/tidemark-usage?refresh=&from=now-6h&to=now&theme=dark&var-namespace="+p.namespace)
		b.settled(t, "tidemark-usage")
		before := b.text(t, "10")
		b.do(t, chromedp.Click(`button[aria-label="Product"]`, chromedp.ByQuery), chromedp.WaitVisible(`[role="option"][data-value="chat"]`, chromedp.ByQuery),
			chromedp.Click(`[role="option"][data-value="chat"]`, chromedp.ByQuery), chromedp.KeyEvent("\u001b"))
		b.until(t, "the address names the product", `location.search.includes("var-product=chat")`)
		b.settled(t, "tidemark-usage")
		if after := b.text(t, "10"); after == before {
			t.Errorf("the queries of one product are those of all: %q", after)
		}
		b.panels(t, allowed["tidemark-usage"])
		b.quiet(t)
	})
	t.Run("a range", func(t *testing.T) {
		b.open(t, "/d/tidemark-models?refresh=&from=now-6h&to=now&theme=dark&var-namespace="+p.namespace)
		b.settled(t, "tidemark-models")
		b.do(t, chromedp.Click(`button[aria-label="Time range"]`, chromedp.ByQuery), chromedp.WaitVisible(`//*[normalize-space(text())="Last 24 hours"]`, chromedp.BySearch),
			chromedp.Click(`//*[normalize-space(text())="Last 24 hours"]`, chromedp.BySearch))
		b.until(t, "the address names the range", `location.search.includes("from=now-24h")`)
		b.settled(t, "tidemark-models")
		b.panels(t, allowed["tidemark-models"])
		b.quiet(t)
	})
	t.Run("a link to another dashboard", func(t *testing.T) {
		b.open(t, "/d/tidemark-usage?refresh=&from=now-6h&to=now&theme=dark&var-namespace="+p.namespace)
		b.settled(t, "tidemark-usage")
		b.do(t, chromedp.ScrollIntoView(`[data-panel-id="44"]`, chromedp.ByQuery), chromedp.Click(`[data-panel-id="44"] a[href^="/d/tidemark-tenant?"]`, chromedp.ByQuery))
		b.settled(t, "tidemark-tenant")
		b.until(t, "the tenant, the range and the namespace came along", fmt.Sprintf(
			`["var-tenant=", "from=now-6h", "var-namespace=%s"].every((part) => location.search.includes(part))`, p.namespace))
		b.panels(t, allowed["tidemark-tenant"])
		b.quiet(t)
	})
	t.Run("forty years", func(t *testing.T) {
		b.open(t, "/d/tidemark-usage?refresh=&from=now-40y&to=now&theme=dark&var-namespace="+p.namespace)
		b.settled(t, "tidemark-usage")
		b.errorless(t)
		b.quiet(t)
	})
	testChoices(t, b, p)
}

// TestPreviewOutlivesDatabase takes the database away under an open page: it says so, and goes on when it is back.
func TestPreviewOutlivesDatabase(t *testing.T) {
	chromium := findChromium(t)
	dir := t.TempDir()
	s := startServer(t, dir)
	p := s.pipeline(namespace(t))
	p.lively(t)
	base := p.preview(t)
	b := openBrowser(t, chromium, base)
	b.size(t, 1600, 1200)
	b.open(t, "/d/tidemark-usage?refresh=5s&from=now-6h&to=now&theme=dark&var-namespace="+p.namespace)
	b.settled(t, "tidemark-usage")
	s.process.kill()
	b.until(t, "the page says that the database is away", `!!document.querySelector('[role="alert"]')`)
	s.start(t)
	b.until(t, "the page has recovered", `!document.querySelector('[role="alert"]') && !document.querySelector('[data-panel-state="error"]') && document.body.dataset.dashboardState === "ready"`)
}

// lively fills the namespace with what happened in the last hours.
func (p pipeline) lively(t testing.TB) {
	t.Helper()
	p.ok(t, "migrate", "--partitions", "2")
	start := time.Now().UTC().Add(-30 * time.Hour).Truncate(time.Second)
	p.generate(t, "--events", "30000", "--seed", "3", "--span", "30h", "--start", start.Format(time.RFC3339), "--poison", "0.002", "--users", "400", "--tenants", "12")
	p.settle(t, "--block-rows", "500")
	p.auditOK(t)
	// The blocks were written in seconds; an hour of them is more to look at. The ledger keeps the row written last, so that
	// the earlier ones must take the place of what is there.
	for _, statement := range []string{
		"CREATE TABLE earlier ENGINE = Memory AS SELECT * REPLACE (written_at - toIntervalSecond(10 + cityHash64(topic, partition, from_offset) % 3000) AS written_at) FROM ledger",
		"TRUNCATE TABLE ledger",
		"INSERT INTO ledger SELECT * FROM earlier",
		"DROP TABLE earlier",
	} {
		p.sql(t, statement)
	}
}

// preview starts the page and returns its address.
func (p pipeline) preview(t testing.TB) string {
	t.Helper()
	return page(t, p.start(t, "dashboards", "preview", "--listen", "127.0.0.1:0"))
}

func findChromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	env.Require(t, "a Chromium browser", false, "install it (Debian: apt-get install chromium)")
	return ""
}

// browser is one tab, and what went wrong in it.
type browser struct {
	ctx  context.Context
	base string

	mu    sync.Mutex
	noise []string
}

// openBrowser starts a browser that ends with the test.
func openBrowser(t testing.TB, chromium, base string) *browser {
	t.Helper()
	// Not the test's own folder: processes that the browser started may outlive it for a moment, and still write.
	dir, err := os.MkdirTemp("", "tidemark-browser-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eventually(t, "the browser's folder is gone", func() bool { return os.RemoveAll(dir) == nil }) })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(dir), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() }) // Asks it to end, and waits.
	b := &browser{ctx: ctx, base: base}
	chromedp.ListenTarget(ctx, b.hear)
	// Without a time limit: the browser ends with the context of its first action.
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable()); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return b
}

// hear takes note of everything that a page without fault would not do.
func (b *browser) hear(event any) {
	var line string
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, arg := range e.Args {
			words = append(words, string(arg.Value)+arg.Description)
		}
		line = fmt.Sprintf("console.%s: %s", e.Type, strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		line = "exception: " + e.ExceptionDetails.Error()
	case *log.EventEntryAdded:
		line = fmt.Sprintf("log %s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.base+"/") && !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "blob:") {
			line = "request to elsewhere: " + e.Request.URL
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			line = fmt.Sprintf("HTTP %d: %s", e.Response.Status, e.Response.URL)
		}
	}
	if line != "" {
		b.mu.Lock()
		b.noise = append(b.noise, line)
		b.mu.Unlock()
	}
}

// quiet fails if anything was heard since it was asked last.
func (b *browser) quiet(t testing.TB) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.noise {
		t.Error(line)
	}
	b.noise = nil
}

func (b *browser) do(t testing.TB, actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, hang)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("the browser: %v", err)
	}
}

func (b *browser) open(t testing.TB, address string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.base+address))
}

func (b *browser) size(t testing.TB, width, height int64) {
	t.Helper()
	b.do(t, emulation.SetDeviceMetricsOverride(width, height, 1, width < 700))
}

// until waits for a condition in the page.
func (b *browser) until(t testing.TB, what, condition string) {
	t.Helper()
	eventually(t, what, func() bool {
		var ok bool
		b.do(t, chromedp.Evaluate("!!("+condition+")", &ok))
		return ok
	})
}

// settled waits until the dashboard shows what it was asked for.
func (b *browser) settled(t testing.TB, uid string) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			var text string
			ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
			defer cancel()
			err := chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + JSON.stringify(document.body.dataset) + "\n" + document.body.innerText.slice(0, 2000)`, &text))
			t.Logf("the page: %s (%v)", text, err)
		}
	})
	b.until(t, "dashboard "+uid+" has settled", fmt.Sprintf(`document.body.dataset.dashboardUid === %q && document.body.dataset.dashboardState === "ready"`, uid))
}

// seen is what a panel shows.
type seen struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error"`
	Text  string `json:"text"`
}

func (b *browser) seen(t testing.TB) []seen {
	t.Helper()
	var text string
	b.do(t, chromedp.Evaluate(`JSON.stringify([...document.querySelectorAll("[data-panel-id]")].map((p) => ({
		id: p.dataset.panelId, state: p.dataset.panelState, error: p.dataset.panelError ?? "", text: p.innerText })))`, &text))
	var all []seen
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// panels fails for a panel that has an error, or is empty and may not be; one that may be says why.
func (b *browser) panels(t testing.TB, allowed map[uint32]string) {
	t.Helper()
	all := b.seen(t)
	if len(all) < 8 {
		t.Errorf("only %d panels", len(all))
	}
	for _, p := range all {
		why, may := allowed[id(t, p.ID)]
		switch {
		case p.State == "ready":
		case p.State == "empty" && may && strings.Contains(strings.ToLower(p.Text), strings.ToLower(words(why))):
		default:
			t.Errorf("panel %s is %s: %q %q", p.ID, p.State, p.Error, p.Text)
		}
	}
}

// hinted waits until each table shows at its edges whether columns are hidden behind them, and the others show nothing.
func (b *browser) hinted(t testing.TB) {
	t.Helper()
	b.until(t, "tables that are cut off show where they go on", `[...document.querySelectorAll("[data-panel-type=table] .rdg")].every((grid) => {
		const edges = grid.closest(".edges"), shows = (side) => edges.hasAttribute("data-more-" + side);
		return edges && shows("left") === grid.scrollLeft > 1 && shows("right") === grid.scrollWidth - grid.clientWidth - grid.scrollLeft > 1;
	})`)
}

// words is a text up to its first variable.
func words(text string) string {
	before, _, _ := strings.Cut(text, "${")
	return strings.TrimSpace(before)
}

func id(t testing.TB, text string) uint32 {
	t.Helper()
	return uint32(number(t, text))
}

// errorless fails for a panel that has an error.
func (b *browser) errorless(t testing.TB) {
	t.Helper()
	for _, p := range b.seen(t) {
		if p.State != "ready" && p.State != "empty" {
			t.Errorf("panel %s is %s: %q", p.ID, p.State, p.Error)
		}
	}
}

// text is what a panel says.
func (b *browser) text(t testing.TB, panel string) string {
	t.Helper()
	for _, p := range b.seen(t) {
		if p.ID == panel {
			return p.Text
		}
	}
	t.Fatalf("there is no panel %s", panel)
	return ""
}

// picture leaves a picture of the whole page.
func (b *browser) picture(t testing.TB, name string) {
	t.Helper()
	var png []byte
	b.do(t, chromedp.FullScreenshot(&png, 100))
	dir := filepath.Join(env.ModuleRoot(t), screenshots)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures of made-up data
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil { //nolint:gosec // see above
		t.Fatal(err)
	}
	if len(png) < 10_000 {
		t.Errorf("the picture %s has %d bytes: there is nothing on it", name, len(png))
	}
}
