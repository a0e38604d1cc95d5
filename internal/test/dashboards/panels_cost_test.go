package dashboards_test

import (
	"slices"
	"strings"
	"time"
)

// billed is the sight of the bill.
func (s *sight) billed() looked {
	return looked{bill: s.spent, from: time.UnixMilli(s.from).UTC(), to: time.UnixMilli(s.to).UTC(), grain: time.Duration(s.coarse()) * time.Second, choice: s.choice, until: s.until, asked: s.now}
}

// cost is the dashboard Cost.
func (s *sight) cost() panels { return s.withGaps(s.billed().board()) }

// tenantCost is the panels on cost of the dashboard Tenant.
func (s *sight) tenantCost() panels { return s.withGaps(s.billed().ofTenant()) }

// withGaps puts a point without a value into each whole bucket of a chart that has none.
func (s *sight) withGaps(bill map[uint32][]string) panels {
	all := panels{}
	for panel, w := range bill {
		switch panel {
		case 20, 25, 43:
			w = s.gapsIn(w, false)
		case 21, 22, 23, 24, 44:
			w = s.gapsIn(w, true)
		}
		all[texts(int(panel))+"A"] = rows(w...)
	}
	return all
}

func (s *sight) gapsIn(w []string, named bool) []string {
	if len(w) == 0 {
		return w
	}
	gap, name := strings.Repeat(" | -", strings.Count(w[0], " | ")), ""
	if named { // The gaps are those of the first name.
		gap, name = " | -", slices.MinFunc(w, func(a, b string) int { return strings.Compare(nameIn(a), nameIn(b)) })
		name = " | " + nameIn(name)
	}
	all := slices.Clone(w)
	for _, bucket := range s.whole("costs", s.coarse()) {
		point := texts(time.Unix(bucket, 0)) + name
		if !slices.ContainsFunc(w, func(row string) bool { return strings.HasPrefix(row, point+" | ") }) {
			all = append(all, point+gap)
		}
	}
	slices.Sort(all)
	return all
}

// nameIn is the name in a row of a chart.
func nameIn(row string) string { return strings.Split(row, " | ")[1] }
