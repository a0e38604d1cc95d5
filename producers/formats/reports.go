package formats

import (
	"errors"
	"maps"
	"slices"

	"tidemark/producers/calls"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// NoCallError is a row that is no call. There are few reasons.
type NoCallError struct{ Reason string }

func (e *NoCallError) Error() string { return "became no event: " + e.Reason }

// ErrJoined is a row that is about the call of another one, whose event has what both say.
var ErrJoined = errors.New("is about the call of another row")

// noItems is why an object without any item is no call.
const noItems = "an object without calls"

// reportRows makes events of objects, each of which may report several calls. A row is a call, or an item that is none.
type reportRows struct {
	rows.Objects
	read func(o jsonpath.Object) (calls.Result, error)
	left []outcome // What the current object gave and Next did not give yet.
}

// outcome is what became of a row.
type outcome struct {
	event *usagev1.TokenCall
	err   error
}

func (r *reportRows) Noted() *fields.Lenient { return nil }

func (r *reportRows) Notes() []string { return nil }

func (r *reportRows) Columns() *mapping.Seen { return nil }

func (r *reportRows) Next(uint64) (schemas.Event, error) {
	if len(r.left) == 0 {
		o, err := r.Objects.Next()
		if err != nil {
			return nil, err
		}
		result, err := r.read(o)
		if err != nil {
			return nil, r.Bad("", err.Error())
		}
		r.take(result)
	}
	one := r.left[0]
	r.left = r.left[1:]
	if one.err != nil {
		return nil, one.err
	}
	return one.event, nil
}

// take keeps what became of an object.
func (r *reportRows) take(result calls.Result) {
	r.left = r.left[:0]
	for _, e := range result.Events {
		one := outcome{event: e}
		if bad := fields.FirstError(e); bad != nil {
			one.err = r.Bad(bad.Field, bad.Error())
		}
		r.left = append(r.left, one)
	}
	for _, bad := range result.Rejected {
		r.left = append(r.left, outcome{err: r.Bad(bad.Field, bad.Field+" "+bad.Reason)})
	}
	for _, reason := range slices.Sorted(maps.Keys(result.Skipped)) {
		none := outcome{err: &NoCallError{Reason: reason}}
		for range result.Skipped[reason] {
			r.left = append(r.left, none)
		}
	}
	for range result.Joined {
		r.left = append(r.left, outcome{err: ErrJoined})
	}
	if len(r.left) == 0 {
		r.left = append(r.left, outcome{err: &NoCallError{Reason: noItems}})
	}
}

// origin is what the settings say about all calls.
func (s Settings) origin() calls.Origin {
	return calls.Origin{Tenant: s.Tenant, Product: s.Product, Run: s.Run}
}

// reporter reads the objects of one file, in their order.
type reporter interface {
	// Read adds what an object says about calls to the batch.
	Read(o jsonpath.Object, b *calls.Batch)
}

// readReports makes an event of each report of a file. Reports of one call are added up by the reader of all files.
func readReports(objects rows.Objects, s Settings, from reporter) (Rows, error) {
	hash := s.hashUser()
	return &reportRows{Objects: objects, read: func(o jsonpath.Object) (calls.Result, error) {
		var b calls.Batch
		from.Read(o, &b)
		result := calls.Result{Rejected: b.Rejected, Skipped: b.Skipped}
		for _, r := range b.Reports {
			request := r.ReporterID
			e := calls.Event(s.origin(), r, hash)
			if request != "" && e.ResponseId != "" { // An answer that has the id of its request too.
				e.Id = request
			}
			result.Events = append(result.Events, e)
		}
		return result, nil
	}}, nil
}
