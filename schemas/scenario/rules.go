package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// rules checks what the shape cannot: rules across fields.
func (s *Scenario) rules(w *walk) {
	if s.Streams == nil && s.ReferencePoints == nil && s.Releases == nil && s.Workload == nil {
		w.add(w.at["id"], "", "add streams, reference_points, releases or a workload", "has nothing to replay")
	}
	if s.Workload != nil {
		s.refer(w, "workload.source", s.Workload.Source)
		if s.Streams != nil || s.ReferencePoints != nil || s.Releases != nil {
			w.add(w.at["workload"], "workload", "put it into a scenario of its own", "stands beside other events")
		}
	}
	for name, source := range s.Sources {
		if path := "sources." + name; source.URL == "" && source.Citation == "" {
			w.add(w.at[path], path, "add url, or citation where there is no page", "does not say where the figure is")
		}
	}
	ids := map[string]bool{}
	for i := range s.Streams {
		path := fmt.Sprintf("streams[%d]", i)
		unique(w, ids, path+".id", s.Streams[i].ID)
		s.stream(w, path, &s.Streams[i])
	}
	for i := range s.ReferencePoints {
		s.references(w, fmt.Sprintf("reference_points[%d]", i), &s.ReferencePoints[i])
	}
	ids = map[string]bool{}
	for i := range s.Expectations {
		path := fmt.Sprintf("expectations[%d]", i)
		unique(w, ids, path+".id", s.Expectations[i].ID)
		s.expectation(w, path, &s.Expectations[i])
	}
}

func unique(w *walk, seen map[string]bool, path, id string) {
	if seen[id] {
		w.add(w.at[path], path, "give it a name of its own", "is %q for the second time", id)
	}
	seen[id] = true
}

// refer checks that a source is there.
func (s *Scenario) refer(w *walk, path, source string) {
	if _, ok := s.Sources[source]; !ok {
		w.add(w.at[path], path, "add it to sources", "names the source %q, which is not there", source)
	}
}

func (s *Scenario) stream(w *walk, path string, st *Stream) {
	bad := func(field, remedy, format string, args ...any) {
		at, ok := w.at[path+"."+field]
		if !ok {
			at = w.at[path]
		}
		w.add(at, path+"."+field, remedy, format, args...)
	}
	byUsers := st.Curve.Measure == Users
	switch st.Type {
	case Query, Signup, TokenCall:
		if st.Product == "" {
			bad("product", "add it: the product used", "is missing")
		}
	case Derivative:
		if st.BaseModel == "" {
			bad("base_model", "add the model they derive from", "is missing")
		}
		fallthrough
	case Release, Download:
		if st.Model == "" && st.Models == nil {
			bad("model", "add model or models", "is missing")
		}
	}
	if st.Type == TokenCall {
		if st.Model == "" && st.Models == nil {
			bad("model", "add model or models", "is missing")
		}
		if st.Tokens == nil {
			bad("tokens", "say the tokens of one call", "is missing")
		}
	} else if st.Curve.Measure == TokensPer {
		bad("curve.measure", "measure events", "is tokens, which a %s has not", st.Type)
	}
	if byUsers {
		if st.Weight != 0 || st.Records != 0 || st.Users != 0 {
			bad("curve.measure", "take weight, records and users out: user_weight and events_per_user decide", "is users, beside weight, records or users")
		}
		if s.Grain != Day {
			bad("curve.measure", "set grain to day", "is users, which are counted by week")
		}
		if st.Type != Query && st.Type != TokenCall {
			bad("curve.measure", "use a query or a token_call", "is users, which only queries and token calls make active")
		}
	} else if (st.Weight == 0) == (st.Records == 0) {
		bad("records", "give either weight or records", "and weight are both there or both missing")
	}
	s.curve(w, path+".curve", &st.Curve)
	if steps := st.steps(s.Grain); !byUsers && st.Records > 0 && len(st.Curve.Points) > 1 && int64(st.Records) < steps {
		bad("records", "give at least one record a "+string(s.Grain), "is %d for %d steps of the curve", st.Records, steps)
	}
	if most := st.mostRecords(s.Grain); most > maxCount {
		what, field := "weight", "weight"
		if byUsers {
			what, field = "user_weight", "user_weight"
		}
		bad(field, "raise "+what+": a stream has at most 5,000,000 records", "is %d, so that there are up to %.3g records", max(st.Weight, st.UserWeight), most)
	}
	if st.Tokens != nil {
		s.refer(w, path+".tokens.source", st.Tokens.Source)
	}
	s.mixes(w, path+".countries", st.Countries)
	s.mixes(w, path+".segments", st.Segments)
	s.mixes(w, path+".models", st.Models)
}

// steps returns how many grains the curve has.
func (st *Stream) steps(g Grain) int64 {
	first, last := st.Curve.Points[0].At.Time, st.Curve.Points[len(st.Curve.Points)-1].At.Time
	return int64(last.Sub(first)/g.Length()) + 1
}

// mostRecords bounds the records of a stream from above.
func (st *Stream) mostRecords(g Grain) float64 {
	highest, points := 0.0, st.Curve.Points
	for _, p := range points {
		highest = max(highest, p.Value)
	}
	switch {
	case st.Curve.Measure == Users:
		const week = 7 * 24 * time.Hour
		return highest / float64(max(st.UserWeight, 1)) * (float64(points[len(points)-1].At.Sub(points[0].At.Time)/week) + 2)
	case st.Weight == 0:
		return float64(st.Records)
	case st.Curve.Measure == Total:
		return highest / float64(st.Weight)
	case st.Curve.Step() == 0:
		return 0 // Told elsewhere.
	}
	perStep := highest * float64(g.Length()) / float64(st.Curve.Step())
	if st.Curve.Measure == TokensPer && st.Tokens != nil {
		perStep /= float64(st.Tokens.Total())
	}
	return perStep / float64(st.Weight) * float64(st.steps(g))
}

// longestSpan keeps the steps of a curve, and the time to go through them, bounded.
const longestSpan = 100 * 366 * 24 * time.Hour

func (s *Scenario) curve(w *walk, path string, c *Curve) {
	switch {
	case c.Measure == Users && c.Per != "week":
		w.add(w.at[path+".measure"], path+".per", "write per: week", "is not week, and users are those active in a week")
	case c.Measure == Total && c.Per != "":
		w.add(w.at[path+".per"], path+".per", "take it out", "is there, and a total has no duration")
	case c.Measure != Total && c.Per == "":
		w.add(w.at[path], path+".per", "say what time a value is for", "is missing")
	}
	s.points(w, path+".points", c.Points)
	first, last := c.Points[0].At, c.Points[len(c.Points)-1].At
	limit := longestSpan
	if s.Grain == Minute {
		limit = 400 * 24 * time.Hour
	}
	if last.Sub(first.Time) > limit {
		w.add(w.at[path+".points"], path+".points", "shorten it, or use a longer grain", "go over %s", last.Sub(first.Time))
	}
}

// points checks order and sources.
func (s *Scenario) points(w *walk, path string, points []Point) {
	for i, p := range points {
		at := fmt.Sprintf("%s[%d]", path, i)
		s.refer(w, at+".source", p.Source)
		if i > 0 && !p.At.After(points[i-1].At.Time) {
			w.add(w.at[at+".at"], at+".at", "put the points in the order of time", "is %s, not after %s", p.At.Text, points[i-1].At.Text)
		}
	}
}

func (s *Scenario) mixes(w *walk, path string, mixes []Mix) {
	for i, m := range mixes {
		at := fmt.Sprintf("%s[%d]", path, i)
		s.refer(w, at+".source", m.Source)
		if i > 0 && !m.At.After(mixes[i-1].At.Time) {
			w.add(w.at[at+".at"], at+".at", "put the mixes in the order of time", "is %s, not after %s", m.At.Text, mixes[i-1].At.Text)
		}
		sum := 0.0
		for _, share := range m.Shares {
			sum += share
		}
		if sum <= 0 {
			w.add(w.at[at+".shares"], at+".shares", "give one a share above 0", "add up to nothing")
		}
	}
}

func (s *Scenario) references(w *walk, path string, r *ReferencePoints) {
	switch {
	case (r.File == "") == (r.Points == nil):
		w.add(w.at[path], path, "give either points or file", "has points and a file, or neither")
	case r.File != "" && (r.Source == "" || r.Entity != ""):
		w.add(w.at[path+".file"], path+".file", "add source, and take entity out: it is a column", "needs a source and no entity")
	case r.File != "":
		s.refer(w, path+".source", r.Source)
	case r.Entity == "" || r.Source != "":
		w.add(w.at[path+".points"], path+".points", "add entity; each point has its own source", "need an entity and no source for all")
	}
	if r.Metric == OpenWeights && s.Releases != nil {
		w.add(w.at[path+".metric"], path+".metric", "say it in the column weights of the releases", "is %s, whose points are made from the releases", OpenWeights)
	}
	s.points(w, path+".points", r.Points)
}

func (s *Scenario) expectation(w *walk, path string, e *Expectation) {
	s.refer(w, path+".source", e.Source)
	_, hasFigure := w.at[path+".expected"]
	_, hasTolerance := w.at[path+".tolerance"]
	switch {
	case hasFigure == (e.Series != nil):
		w.add(w.at[path], path, "give either expected or series", "has a figure and a series, or neither")
	case hasFigure && hasTolerance == e.AtLeast:
		w.add(w.at[path+".expected"], path+".tolerance", "give either tolerance or at_least: true", "and at_least are both there or both missing")
	}
	// Nothing illustrative or unconfirmed passes as measured.
	confidence := s.Sources[e.Source].Confidence
	switch {
	case e.Class == ClassChecked && confidence != "" && !confidence.confirmed():
		w.add(w.at[path+".class"], path+".class", "make it illustrative or unconfirmed, or name the public source", "is checked against a source of confidence %s", confidence)
	case e.Class == ClassUnconfirmed && confidence != "" && confidence != Unconfirmed:
		w.add(w.at[path+".class"], path+".class", "make it checked, or name a source of confidence X", "is unconfirmed with a source of confidence %s", confidence)
	}
	named := strings.Contains(e.SQL, "'"+s.ID+"'") || strings.Contains(e.SQL, "'"+s.ID+"/")
	if !named && !strings.Contains(e.SQL, "FROM audits") { // Audits are of all tenants.
		w.add(w.at[path+".sql"], path+".sql", "filter on tenant = '"+s.ID+"', so that scenarios never mix", "does not name the scenario's tenant")
	}
	if strings.Contains(e.SQL, ";") {
		w.add(w.at[path+".sql"], path+".sql", "write one SELECT", "has a semicolon")
	}
	if e.Series != nil && slices.Contains(e.Series.By, "") {
		w.add(w.at[path+".series"], path+".series", "name columns", "counts by nothing")
	}
}
