package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"tidemark/dashboards/grafana"
)

// requestBytes bounds the body of a request.
const requestBytes = 1 << 20

// healthTimeout is the longest time in which ClickHouse must answer to count as healthy.
const healthTimeout = 5 * time.Second

// problem is the reason why a whole request is refused, and what to do instead.
type problem struct {
	status     int
	text, hint string
}

func refuse(w http.ResponseWriter, p problem) {
	reply(w, p.status, struct {
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}{p.text, p.hint})
}

// reply writes an answer. A client that is gone needs none.
func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

// list answers GET /api/dashboards.
func (s *server) list(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		UID         string   `json:"uid"`
		Title       string   `json:"title"`
		Description string   `json:"description"`
		Tags        []string `json:"tags"`
	}
	entries := make([]entry, len(s.dashboards))
	for i, d := range s.dashboards {
		entries[i] = entry{d.UID, d.Title, d.Description, d.Tags}
	}
	reply(w, http.StatusOK, struct {
		Dashboards []entry `json:"dashboards"`
		Version    string  `json:"version"`
		Namespace  string  `json:"namespace"`
	}{entries, s.Version, s.Namespace})
}

// show answers GET /api/dashboards/{uid} with the JSON as it came.
func (s *server) show(w http.ResponseWriter, r *http.Request) {
	d := s.dashboard(r.PathValue("uid"))
	if d == nil {
		refuse(w, noDashboard(r.PathValue("uid")))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(d.JSON)
}

func noDashboard(uid string) problem {
	return problem{http.StatusNotFound, fmt.Sprintf("there is no dashboard %q", uid), "GET /api/dashboards lists them"}
}

// query answers POST /api/query.
func (s *server) query(w http.ResponseWriter, r *http.Request) {
	s.answerView(w, r, func(d *grafana.Dashboard, v view) ([]grafana.Target, *problem) {
		p := d.Panel(v.Panel)
		if p == nil {
			return nil, &problem{http.StatusNotFound, fmt.Sprintf("dashboard %s has no panel %d", d.UID, v.Panel), "take the id from the dashboard's JSON"}
		}
		return p.Targets, nil
	})
}

// annotations answers POST /api/annotations.
func (s *server) annotations(w http.ResponseWriter, r *http.Request) {
	s.answerView(w, r, func(d *grafana.Dashboard, v view) ([]grafana.Target, *problem) {
		t := d.Annotation(v.Name)
		if t == nil {
			return nil, &problem{http.StatusNotFound, fmt.Sprintf("dashboard %s has no annotations %q that query ClickHouse", d.UID, v.Name), "take the name from the dashboard's JSON"}
		}
		return []grafana.Target{*t}, nil
	})
}

// answerView runs the targets that pick finds for a request.
func (s *server) answerView(w http.ResponseWriter, r *http.Request, pick func(*grafana.Dashboard, view) ([]grafana.Target, *problem)) {
	ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
	defer cancel()
	v, d, p := s.read(w, r)
	var targets []grafana.Target
	if p == nil {
		targets, p = pick(d, v)
	}
	if p != nil {
		refuse(w, *p)
		return
	}
	results, err := s.answer(ctx, d, v, targets)
	if err != nil {
		refuse(w, problem{http.StatusBadRequest, err.Error(), "choose other values for the variables"})
		return
	}
	reply(w, http.StatusOK, struct {
		Results []result `json:"results"`
	}{results})
}

// variable answers POST /api/variable. The option "All" is the page's to add.
func (s *server) variable(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
	defer cancel()
	v, d, p := s.read(w, r)
	if p != nil {
		refuse(w, *p)
		return
	}
	i := d.Variable(v.Name)
	if i < 0 {
		refuse(w, problem{http.StatusNotFound, fmt.Sprintf("dashboard %s has no variable %q", d.UID, v.Name), "take the name from the dashboard's JSON"})
		return
	}
	var body struct {
		Options []grafana.Option `json:"options"`
		Error   string           `json:"error"`
	}
	options, err := s.runner.Options(ctx, d, v.choices(), i)
	body.Options = options
	if err != nil {
		body.Options, body.Error = []grafana.Option{}, s.explain(ctx, err)
	}
	reply(w, http.StatusOK, body)
}

// health answers GET /api/health. It does not wait for other queries.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	text := "ok"
	if err := s.DB.FormatWith(ctx, "SELECT 1", "TSV", nil, io.Discard); err != nil {
		if text = s.explain(r.Context(), err); ctx.Err() != nil {
			text = fmt.Sprintf("ClickHouse did not answer within %s", healthTimeout)
		}
	}
	reply(w, http.StatusOK, struct {
		ClickHouse string `json:"clickhouse"`
	}{text})
}

// read reads the body of a request and finds its dashboard.
func (s *server) read(w http.ResponseWriter, r *http.Request) (view, *grafana.Dashboard, *problem) {
	var v view
	// A form or a simple request of another site's page cannot have this type.
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return v, nil, &problem{http.StatusUnsupportedMediaType, "the request is not JSON", "send Content-Type: application/json"}
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestBytes))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&v)
	if err == nil && decoder.More() {
		err = errors.New("there is more than one value")
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return v, nil, &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes", requestBytes), "choose fewer values"}
	case err != nil:
		return v, nil, &problem{http.StatusBadRequest, "the request cannot be read: " + err.Error(), "values of variables are lists of texts; the documentation of package dashboards/preview has the form"}
	}
	if err := v.validate(); err != nil {
		return v, nil, &problem{http.StatusBadRequest, err.Error(), "choose another time range"}
	}
	d := s.dashboard(v.Dashboard)
	if d == nil {
		p := noDashboard(v.Dashboard)
		return v, nil, &p
	}
	return v, d, nil
}
