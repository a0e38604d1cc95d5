package collector

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"
)

// route is one path of HTTP.
type route struct {
	endpoint string // One of keys.Endpoints.
	// format returns what a body of a media type is; false if it is nothing that the path takes.
	format func(media string, h http.Header) (format, bool)
	decode func(x *exchange) func(body []byte) (Batch, *refusal)
	answer func(w http.ResponseWriter, x *exchange, b Batch) int
}

var routes = map[string]route{
	"/v1/traces":      {"traces", otlpFormat, decodeTraces, answerTraces},
	"/v1/logs":        {"logs", otlpFormat, decodeLogs, answerLogs},
	"/v1/metrics":     {"metrics", otlpFormat, decodeMetrics, answerMetrics},
	"/v1/cloudevents": {"cloudevents", cloudFormat, decodeItems, func(w http.ResponseWriter, _ *exchange, b Batch) int { return answerItems(w, b, http.StatusAccepted) }},
	"/api/v1/events":  {"cloudevents", cloudFormat, decodeItems, func(w http.ResponseWriter, _ *exchange, b Batch) int { return answerItems(w, b, http.StatusNoContent) }},
	"/v1/gateways":    {"gateways", recordFormat, decodeRecords, func(w http.ResponseWriter, _ *exchange, b Batch) int { return answerItems(w, b, http.StatusOK) }},
	"/v1/events":      {"events", objectFormat, decodeItems, func(w http.ResponseWriter, _ *exchange, b Batch) int { return answerItems(w, b, http.StatusOK) }},
}

// Handler serves HTTP: the paths of the package's routes, /healthz and /readyz.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// Exporters add the path of a signal to an endpoint, which some people end with a slash.
		to, ok := routes["/"+strings.TrimLeft(r.URL.Path, "/")]
		switch {
		case ok:
			s.receive(w, r, to)
		case r.URL.Path == "/healthz" && readable(w, r):
			writePlain(w, http.StatusOK, "ok")
		case r.URL.Path == "/readyz" && readable(w, r):
			s.answerReady(w, r)
		case r.URL.Path != "/healthz" && r.URL.Path != "/readyz":
			writePlain(w, http.StatusNotFound, "there is nothing at this path")
		}
	})
}

// readable reports whether the method only reads, and answers the request if not.
func readable(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	notAllowed(w, "GET, HEAD")
	return false
}

func notAllowed(w http.ResponseWriter, allowed string) {
	w.Header().Set("Allow", allowed)
	writePlain(w, http.StatusMethodNotAllowed, "the method is not "+allowed)
}

// Ready returns why the Server cannot accept events now; nil if it can.
func (s *Server) Ready(ctx context.Context) error {
	if s.drain.draining() {
		return errDraining
	}
	if s.config.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return s.config.Ready(ctx)
}

// readyTimeout bounds the question whether the log is there.
const readyTimeout = 3 * time.Second

func (s *Server) answerReady(w http.ResponseWriter, r *http.Request) {
	if err := s.Ready(r.Context()); err != nil {
		writePlain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	writePlain(w, http.StatusOK, "ok")
}

// receive takes a request to a route through all steps.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, to route) {
	if r.Method != http.MethodPost {
		notAllowed(w, http.MethodPost)
		return
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && media == "" {
		media = "no media type" // ParseMediaType says that in many words.
	}
	f, ok := to.format(media, r.Header)
	x := s.exchange(r, to.endpoint, f)
	if !ok {
		text := "the path does not take " + cut(media)
		writePlain(w, http.StatusUnsupportedMediaType, text)
		x.count(Batch{}, &refusal{status: http.StatusUnsupportedMediaType, text: text}, http.StatusUnsupportedMediaType)
		return
	}
	x.open = func() (wire, *refusal) {
		return wire{Reader: r.Body, encoding: r.Header.Get("Content-Encoding"), length: r.ContentLength}, nil
	}
	x.decode = to.decode(x)
	batch, refused := x.run(r.Context())
	if refused != nil {
		refused.write(w, f)
		x.count(Batch{}, refused, refused.status)
		return
	}
	x.count(batch, nil, to.answer(w, x, batch))
}

// otlpFormat knows the media types of OTLP.
func otlpFormat(media string, _ http.Header) (format, bool) {
	switch media {
	case "application/x-protobuf":
		return otlpProto, true
	case "application/json":
		return otlpJSON, true
	}
	return 0, false
}

// cloudFormat knows the modes of CloudEvents. The media type decides before the headers do.
func cloudFormat(media string, h http.Header) (format, bool) {
	switch {
	case strings.HasPrefix(media, "application/cloudevents-batch"):
		return batched, media == "application/cloudevents-batch+json"
	case strings.HasPrefix(media, "application/cloudevents"):
		return structured, media == "application/cloudevents+json"
	case h.Get("Ce-Specversion") != "" || h.Get("Ce-Id") != "":
		return inHeaders, true
	case media == "application/json":
		return openMeter, true
	}
	return 0, false
}

// objectFormat knows the media types of JSON lines, of which none is registered.
func objectFormat(media string, _ http.Header) (format, bool) {
	switch media {
	case "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return objects, true
	}
	return 0, false
}

// answerItems answers for a batch of single items: with the status done and no more if all is well and the status has no
// body, else with what became of the items.
func answerItems(w http.ResponseWriter, b Batch, done int) int {
	status := http.StatusOK
	switch {
	case len(b.Rejected) > 0 && len(b.Events) == 0 && len(b.Skipped) == 0:
		status = http.StatusBadRequest
	case len(b.Rejected) == 0 && done != http.StatusOK:
		w.WriteHeader(done)
		return done
	}
	result := struct {
		Accepted int        `json:"accepted"`
		Rejected []Rejected `json:"rejected"`
	}{len(b.Events), b.Rejected}
	if result.Rejected == nil {
		result.Rejected = []Rejected{}
	}
	writeJSON(w, status, result)
	return status
}

func writePlain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	writeBody(w, status, []byte(text+"\n"))
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil { // Texts and numbers always encode.
		writePlain(w, status, http.StatusText(status))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	writeBody(w, status, encoded)
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.WriteHeader(status)
	_, _ = w.Write(body) // A sender that hung up sends again.
}
