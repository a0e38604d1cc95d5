package scenario

import (
	"cmp"
	"slices"

	"tidemark/schemas"
	"tidemark/schemas/scenario"
	usagev1 "tidemark/schemas/usage/v1"
)

// facts is events that stand in the file or its tables, one by one.
type facts struct {
	events []schemas.Event // By time; they are the messages themselves, few thousands at most.
}

func (f *facts) peek() (int64, bool) {
	if len(f.events) == 0 {
		return 0, false
	}
	return f.events[0].GetTimeUs(), true
}

func (f *facts) next() schemas.Event {
	e := f.events[0]
	f.events = f.events[1:]
	return e
}

// newFacts returns the reference points and releases of a scenario.
func newFacts(s *scenario.Scenario, run string) *facts {
	f := &facts{}
	for i := range s.ReferencePoints {
		f.addPoints(s, &s.ReferencePoints[i], run)
	}
	said := map[string]bool{}
	for _, r := range s.Releases {
		f.addReleases(s, s.Tables[r.File], run, said)
	}
	slices.SortStableFunc(f.events, func(a, b schemas.Event) int { return cmp.Compare(a.GetTimeUs(), b.GetTimeUs()) })
	return f
}

func (f *facts) addPoints(s *scenario.Scenario, r *scenario.ReferencePoints, run string) {
	add := func(entity string, at scenario.Date, value float64, source string) {
		f.events = append(f.events, reference(s, run, entity, r.Metric, r.Unit, at, value, s.Sources[source]))
	}
	for _, p := range r.Points {
		add(r.Entity, p.At, p.Value, p.Source)
	}
	if table := s.Tables[r.File]; r.File != "" {
		entity, at, value := table.Column("entity"), table.Column("at"), table.Column("value")
		for _, row := range table.Rows {
			add(row.Fields[entity], row.Date(at), row.Number(value)*r.Scale, r.Source)
		}
	}
}

// reference makes a reference point.
func reference(s *scenario.Scenario, run, entity, metric, unit string, at scenario.Date, value float64, from scenario.Source) *usagev1.ReferencePoint {
	return &usagev1.ReferencePoint{
		Source: source, Id: scenario.PointID(metric, at.Text, entity), TimeUs: new(at.UnixMicro()), Tenant: s.ID, Run: run,
		Entity: entity, Metric: metric, Value: value, Unit: unit,
		Citation: cut(from.Name+", "+from.Where(), 512), Confidence: string(from.Confidence),
	}
}

// addReleases adds a release a row and, once a model whose weights are known to be open or closed, a reference point
// that says so, of which said takes note.
func (f *facts) addReleases(s *scenario.Scenario, t *scenario.Table, run string, said map[string]bool) {
	var (
		at, model, organization   = t.Column("at"), t.Column("model"), t.Column("organization")
		country, weights, license = t.Column("country"), t.Column("weights"), t.Column("license")
		from                      = t.Column("source")
	)
	for _, row := range t.Rows {
		name, when := row.Fields[model], row.Date(at)
		f.events = append(f.events, &usagev1.ModelEvent{
			Source: source, Id: scenario.ReleaseID(row.Fields[country], when.Text, name), TimeUs: new(when.UnixMicro()),
			Tenant: s.ID, Run: run, Kind: usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE,
			Model: name, Organization: row.Fields[organization], Country: row.Fields[country],
		})
		if row.Fields[weights] == "unknown" || said[name] {
			continue
		}
		said[name] = true
		open, unit := 0.0, "closed weights"
		if row.Fields[weights] == "open" {
			open, unit = 1, "open weights"
			if row.Fields[license] != "" {
				unit += ", " + row.Fields[license]
			}
		}
		f.events = append(f.events, reference(s, run, name, scenario.OpenWeights, cut(unit, 256), when, open, s.Sources[row.Fields[from]]))
	}
}

// cut cuts s to at most limit bytes at a character's border.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := 0
	for i := range s {
		if i > limit {
			break
		}
		end = i
	}
	return s[:end]
}
