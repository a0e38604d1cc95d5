package collector

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

const (
	// intakeKind is the kind of the runs that tell what a collector received.
	intakeKind = "collect"
	// anyType is the type of what is not counted per type.
	anyType = "any"
	// nobodys is the tenant of refusals whose sender is not known, and intakeSource the source of all rows.
	nobodys, intakeSource = "tidemark", "tidemark/collect"
	// other stands for senders and reasons that are too many to be told apart.
	other = "another"
)

// Intake adds up per minute what became of all that a Server received, for the audit and for dashboards:
//
//	received = produced + spooled + rejected + joined + skipped
//
// Its rows are events of the type Run, one per key, endpoint, sender, type and reason. Somebody sends them to the log,
// see Due and Reported. It is safe for concurrent use.
type Intake struct {
	run string // The label of this Server.

	mu     sync.Mutex
	closed uint64    // How many minutes were closed.
	minute time.Time // Of what is in open.
	open   map[intakeKey]*intakeCounts
	ofRun  map[string]int // How many of open a run has.
	due    []*usagev1.Run
	// cells bounds the rows of a minute that a run has, which is a key's, and rows those that wait. Behind the first bound
	// senders and reasons share rows; behind the second a minute goes on.
	cells, rows int
}

// intakeKey tells rows of a minute apart.
type intakeKey struct{ run, tenant, key, endpoint, sender, typ, reason string }

type intakeCounts struct {
	received, produced, rejected, joined, skipped, spooled, drained, refused, notResent, unacknowledged uint64
}

// NewIntake returns an Intake of nothing. The run is the one of Config; no two Servers may have the same.
func NewIntake(run string) *Intake {
	return &Intake{run: run, open: map[intakeKey]*intakeCounts{}, ofRun: map[string]int{}, cells: 500, rows: 50_000}
}

// Answered implements Counters.
func (i *Intake) Answered(r Report) {
	if r.Tenant == "" {
		if r.Forgetful == "" {
			return // Whoever sends without a key fills no table.
		}
		r.Tenant, r.Run = nobodys, i.run
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.roll(time.Now())
	count := func(typ, reason string, add func(*intakeCounts)) {
		add(i.cell(intakeKey{r.Run, r.Tenant, r.Key, r.Endpoint, r.Sender, typ, plain(reason)}))
	}
	if r.Refused != "" {
		count(anyType, r.Refused, func(c *intakeCounts) {
			c.refused++
			if r.Forgetful != "" {
				c.notResent++
			}
		})
	}
	if r.Received > 0 {
		count(anyType, "", func(c *intakeCounts) {
			c.received += uint64(r.Received)
			c.joined += uint64(r.Joined)
		})
	}
	for t := range r.Accepted {
		accepted, spooled, unacknowledged := r.Accepted[t], r.Spooled[t], r.Unacknowledged[t]
		if accepted+spooled+unacknowledged == 0 {
			continue
		}
		count(schemas.Type(t).String(), "", func(c *intakeCounts) {
			c.produced += uint64(accepted)
			c.spooled += uint64(spooled)
			c.unacknowledged += uint64(unacknowledged)
		})
	}
	for _, bad := range r.Rejected {
		count(anyType, bad.Rule(), func(c *intakeCounts) { c.rejected++ })
	}
	for rule, n := range r.Skipped {
		count(anyType, rule, func(c *intakeCounts) { c.skipped += n })
	}
}

// Drained counts events that came from the spool and are on the log now, whatever Server received them.
func (i *Intake) Drained(came Report, events ByType) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.roll(time.Now())
	for t, n := range events {
		if n > 0 {
			i.cell(intakeKey{came.Run, came.Tenant, came.Key, came.Endpoint, came.Sender, schemas.Type(t).String(), ""}).drained += uint64(n)
		}
	}
}

// cell returns the counts of a row of the minute.
func (i *Intake) cell(k intakeKey) *intakeCounts {
	if i.open[k] == nil && i.ofRun[k.run] >= i.cells {
		k.sender = other
		if k.reason != "" {
			k.reason = other
		}
	}
	c := i.open[k]
	if c == nil {
		c = new(intakeCounts)
		k.sender, k.reason = strings.Clone(k.sender), strings.Clone(k.reason) // They may be the beginnings of long texts.
		i.open[k] = c
		i.ofRun[k.run]++
	}
	return c
}

// roll closes the minute if it is over, or if the clock was set back.
func (i *Intake) roll(now time.Time) {
	if now = now.Truncate(time.Minute); !now.Equal(i.minute) && len(i.due) < i.rows {
		i.close()
		i.minute = now
	}
}

// close makes rows of what is open. Their ids say how many there are, so that the audit knows whether it has all of them: the
// log takes them one by one, and a collector may be killed in between.
func (i *Intake) close() {
	keys := slices.SortedFunc(maps.Keys(i.open), func(a, b intakeKey) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.endpoint, b.endpoint), cmp.Compare(a.sender, b.sender), cmp.Compare(a.typ, b.typ),
			cmp.Compare(a.reason, b.reason), cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.key, b.key))
	})
	i.closed++
	for n, k := range keys {
		c := i.open[k]
		i.due = append(i.due, &usagev1.Run{
			Source: intakeSource, Id: fmt.Sprintf("%s/%d/%d/%d", i.run, i.closed, n+1, len(keys)), TimeUs: new(i.minute.UnixMicro()), Tenant: k.tenant,
			Run: k.run, Kind: intakeKind, Type: k.typ, Key: k.key, Endpoint: k.endpoint, Sender: k.sender, Reason: k.reason,
			Received: c.received, Produced: c.produced, Rejected: c.rejected, Joined: c.joined, Skipped: c.skipped, Spooled: c.spooled,
			Drained: c.drained, Refused: c.refused, NotResent: c.notResent, Unacknowledged: c.unacknowledged,
		})
	}
	clear(i.open)
	clear(i.ofRun)
}

// plain returns the beginning of a text as an event may have it. A reason may name a field as its sender does.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(cut(text), ""))
}

// Due returns the rows that nobody has reported yet, those of the minute that has not ended among them if all is set. They
// stay until Reported is called, and keep their identities.
func (i *Intake) Due(now time.Time, all bool) []*usagev1.Run {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.roll(now); all {
		i.close()
	}
	return slices.Clone(i.due)
}

// Reported forgets the first n rows that Due returned: the log has them.
func (i *Intake) Reported(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.due = slices.Delete(i.due, 0, n)
}
