package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// heldFetch keeps answers to queries back until release is called; failing makes those of panel 10 errors; many makes each
// list of a variable one of 500.
const heldFetch = `
	window.realFetch ??= window.fetch;
	window.held = [];
	window.mode = "";
	window.fetch = async (url, options) => {
		const body = JSON.parse(options?.body ?? "{}");
		const json = (value) => new Response(JSON.stringify(value), { headers: { "Content-Type": "application/json" } });
		if (url === "/api/query" && window.mode === "held") await new Promise((resolve) => window.held.push(resolve));
		if (url === "/api/query" && window.mode === "failing" && body.panel === 10)
			return json({ results: [{ refId: "A", frames: [], error: "the answer is lost", sql: "SELECT 1" }] });
		if (url === "/api/variable" && window.mode === "many" && body.name === "product")
			return json({ options: Array.from({ length: 500 }, (_, i) => ({ text: "p" + i, value: "p" + i })), error: "" });
		return window.realFetch(url, options);
	};
	window.release = () => { window.mode = ""; for (const go of window.held.splice(0)) go(); };
	true`

// busyPanels counts the panels with queries: all, those that say that they wait, those that are pale, and those that say loading.
const busyPanels = `(() => {
	const all = [...document.querySelectorAll("[data-panel-id]")].filter((p) => p.dataset.panelType !== "text");
	const pale = (p) => Number(getComputedStyle(p.querySelector(".panel-content")).opacity) < 0.5;
	return { all: all.length, busy: all.filter((p) => p.getAttribute("aria-busy") === "true").length,
		pale: all.filter(pale).length, loading: all.filter((p) => p.querySelector(".panel-loading")).length };
})()`

type busyness struct{ All, Busy, Pale, Loading int }

func (b *browser) busyness(t testing.TB) busyness {
	t.Helper()
	var n busyness
	b.do(t, chromedp.Evaluate(busyPanels, &n))
	return n
}

func (b *browser) mode(t testing.TB, mode string) {
	t.Helper()
	b.do(t, chromedp.Evaluate(heldFetch, nil), chromedp.Evaluate("window.mode = '"+mode+"'", nil))
}

// only chooses a product alone, by its list.
func (b *browser) only(t testing.TB, product string) {
	t.Helper()
	option := `document.querySelector('.popover [data-value="` + product + `"] .only')`
	b.do(t, chromedp.Click(`button[aria-label="Product"]`, chromedp.ByQuery), chromedp.WaitVisible(`.popover .search`, chromedp.ByQuery),
		chromedp.SendKeys(`.popover .search`, product, chromedp.ByQuery))
	b.until(t, "the list offers "+product, option)
	b.do(t, chromedp.Evaluate(option+".click()", nil))
	b.until(t, "the address names "+product, `location.search.includes("var-product=`+product+`")`)
}

// testChoices holds that what is shown is of what is chosen, or says that it is not.
func testChoices(t *testing.T, b *browser, p pipeline) {
	usage := "/d/tidemark-usage?refresh=&theme=light&var-namespace=" + p.namespace
	b.size(t, 1280, 1200)
	t.Run("a choice that has no answer yet", func(t *testing.T) {
		b.open(t, usage+"&from=now-6h&to=now")
		b.settled(t, "tidemark-usage")
		if n := b.busyness(t); n != (busyness{All: n.All}) || n.All < 15 {
			t.Errorf("panels that have their answers: %+v", n)
		}
		before := b.text(t, "10")
		b.mode(t, "held")
		b.only(t, "chat")
		b.until(t, "answers are held", `window.held.length > 0`)
		b.until(t, "no panel looks as if its old values were those of the new choice", busyPanels+`.pale === `+busyPanels+`.all`)
		if n := b.busyness(t); n != (busyness{n.All, n.All, n.All, n.All}) {
			t.Errorf("panels that wait for the new choice: %+v", n)
		}
		b.do(t, chromedp.Evaluate("window.release()", nil))
		b.settled(t, "tidemark-usage")
		if n := b.busyness(t); n != (busyness{All: n.All}) {
			t.Errorf("panels that have the answers of the new choice: %+v", n)
		}
		if after := b.text(t, "10"); after == before {
			t.Errorf("the queries of one product are those of all: %q", after)
		}
		b.quiet(t)
	})
	t.Run("an answer that fails", func(t *testing.T) {
		value := strings.TrimSpace(strings.TrimPrefix(b.text(t, "10"), "Queries"))
		b.mode(t, "failing")
		b.only(t, "code")
		b.settled(t, "tidemark-usage")
		if text := b.text(t, "10"); !strings.Contains(text, "the answer is lost") || strings.Contains(text, value) {
			t.Errorf("a panel whose answer failed, and that had %q before: %q", value, text)
		}
		b.mode(t, "")
		b.do(t, chromedp.Click(`button[aria-label="Refresh"]`, chromedp.ByQuery))
		b.until(t, "the panel has its value again", `document.querySelector('[data-panel-id="10"]').dataset.panelState === "ready"`)
		b.settled(t, "tidemark-usage")
		b.mode(t, "failing")
		b.do(t, chromedp.Click(`button[aria-label="Refresh"]`, chromedp.ByQuery))
		b.until(t, "the panel says that it is not refreshed", `document.querySelector('[data-panel-id="10"] .panel-stale')?.innerText === "Not refreshed: the answer is lost"`)
		b.settled(t, "tidemark-usage")
		if n := b.busyness(t); n != (busyness{All: n.All, Pale: 1}) {
			t.Errorf("panels after a refresh that failed for one: %+v", n)
		}
		b.quiet(t)
	})
	t.Run("a list that is cut", func(t *testing.T) {
		b.mode(t, "many")
		b.do(t, chromedp.Click(`button[aria-label="Zoom out"]`, chromedp.ByQuery))
		b.settled(t, "tidemark-usage")
		b.do(t, chromedp.Click(`button[aria-label="Product"]`, chromedp.ByQuery), chromedp.WaitVisible(`.popover .search`, chromedp.ByQuery))
		b.until(t, "the list says that it is cut", `document.querySelector(".popover").innerText.includes("The first 500 are listed")`)
		b.do(t, chromedp.KeyEvent(kb.Escape))
		b.until(t, "the list is closed", `!document.querySelector(".popover")`)
		b.only(t, "rare") // It is not listed.
		b.settled(t, "tidemark-usage")
		b.until(t, "nobody says that it does not exist", `!document.querySelector(".missing")`)
		b.quiet(t)
	})
	t.Run("a range that is none", func(t *testing.T) {
		for _, c := range []struct{ query, says string }{
			{"&from=garbage&to=now", `Cannot read "garbage"`}, {"&from=now-1h&to=nonsense", `Cannot read "nonsense"`},
			{"&from=soon", `Cannot read "soon"`}, {"&from=now&to=now-1h", "The range ends before it begins"}, {"&from=now-2h&to=now", ""}, {"&from=now-2h", ""},
		} {
			b.open(t, usage+c.query)
			b.settled(t, "tidemark-usage")
			var text string
			b.do(t, chromedp.Evaluate(`document.querySelector(".wrong-range")?.innerText ?? ""`, &text))
			if c.says == "" && text != "" || c.says != "" && (!strings.Contains(text, c.says) || !strings.Contains(text, "Shown instead: Last 6 hours")) {
				t.Errorf("%s: the page says %q", c.query, text)
			}
			b.errorless(t)
		}
		b.quiet(t)
	})
	t.Run("a tenant that does not exist", func(t *testing.T) {
		b.open(t, usage+"&from=now-6h&to=now&var-tenant=doesnotexist")
		b.settled(t, "tidemark-usage")
		b.until(t, "the list of tenants says so", `document.querySelector("[data-variable=tenant] .missing")?.innerText.includes("no such tenant in this range")`)
		for _, panel := range []string{"3", "4", "10", "11", "13", "14", "20", "21", "40", "44"} {
			if text := b.text(t, panel); !strings.Contains(text, "Nothing in this range matches tenant doesnotexist.") {
				t.Errorf("panel %s does not say that nothing matches: %q", panel, text)
			}
		}
		b.errorless(t)
		b.quiet(t)
	})
	t.Run("a hostile value", func(t *testing.T) {
		value := url.QueryEscape(`x' OR 1=1) -- \`)
		b.open(t, usage+"&from=now-6h&to=now&var-product="+value+"&var-country="+value)
		b.settled(t, "tidemark-usage")
		b.errorless(t)
		if queries := b.text(t, "10"); !strings.Contains(queries, "Nothing in this range matches product "+`x' OR 1=1) -- \`) {
			t.Errorf("a product that does not exist has queries: %q", queries)
		}
		b.quiet(t)
	})
}
