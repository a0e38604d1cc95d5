package board

import "time"

// Alert is one rule of Grafana. It fires for every row of its statement whose number is above the threshold; the texts of the
// row become labels, so each thing that is wrong is an alert of its own.
type Alert struct {
	UID, Title string
	// Severity may be a template. It must also give a word without any label, for a database that cannot be asked.
	Severity string
	// Summary and Description are Go templates over .Labels and .Values.A.Value, without a dollar: Grafana would look for a
	// variable of its environment.
	Summary, Description string
	Board                string // Where to look: the uid of a dashboard,
	Panel                uint32 // and the id of its panel.
	SQL                  string // With names in braces, see Resolver; texts and exactly one number per row, no time.
	// From and To are the range that is asked for, back from now: $__fromTime_ms to $__toTime_ms.
	From, To time.Duration
	Above    float64       // It fires above this number.
	Pending  time.Duration // How long it must fire before anybody is notified.
}

// AlertGroup is rules that Grafana evaluates together.
type AlertGroup struct {
	Name   string
	Every  time.Duration // From one evaluation to the next.
	Alerts []Alert
}
