package load

import (
	"time"

	"tidemark/producers"
)

// pace tells why events are sent late. While an event is due and not sent, the generator is either waiting for the log
// to acknowledge what it sent before, or it is busy itself or stalled.
type pace struct {
	blocked, own time.Duration // Time in which an event was due: waiting for the log, and not.

	sendingAt, sentAt time.Duration // The call before.
}

// sending begins a call of the log whose first event was due at a time.
func (p *pace) sending(due, at time.Duration) {
	if due < p.sentAt {
		p.blocked += p.sentAt - max(due, p.sendingAt)
	}
	p.own += max(at-max(due, p.sentAt)-producers.DefaultInterval, 0) // The pump lets events wait that long for others.
	p.sendingAt = at
}

// sent ends the call.
func (p *pace) sent(at time.Duration) { p.sentAt = at }
