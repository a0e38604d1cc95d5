package formats

import (
	"slices"
	"time"

	"tidemark/producers/calls"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Settings are what a format needs beside the data.
type Settings struct {
	// Tenant and Product are those of the events. Default: those of the format. The tenant is part of the identity.
	Tenant, Product string
	// Run is the label in the events, no part of their identity.
	Run string
	// Start is the time that offset 0 of a trace stands for: required if times are relative, zero if they are not.
	Start time.Time
	// Mapping names the columns of the formats csv and jsonl, and is nil for the others.
	Mapping *mapping.Mapping
	// CloudType is the name of the type of CloudEvents whose own type is not known. Default: token_calls if their data
	// has the usage of a model call; other events are problems.
	CloudType string
	// LastLine is what to do with a last line that has no line break: one of the constants LastLine... Default
	// LastLineAuto.
	LastLine string
	// Users hashes users. Required if HasUsers.
	Users *fields.Users
	// memory is what is known of calls that several lines, of any file, may report.
	memory *calls.Memory
}

// Remembering returns the settings for all files of one replay, in which a call counts once though several of them report it.
func (s Settings) Remembering() Settings {
	s.memory = calls.NewMemory(calls.Options{HashUser: s.hashUser()})
	return s
}

// hashUser returns what hashes the users of calls; nil leaves users out.
func (s Settings) hashUser() func(tenant, user string) uint64 {
	if s.Users == nil {
		return nil
	}
	users := s.Users.Hash()
	return func(tenant, user string) uint64 {
		hash, _ := users.Of(tenant, user) // A user that cannot be read is unknown.
		return hash
	}
}

// labels are the fields that are the same in all events.
func (s Settings) labels() fields.Labels {
	return fields.Labels{Tenant: s.Tenant, Product: s.Product, Run: s.Run}
}

// LabelErrors returns one *schemas.FieldError per setting among tenant, product and run that no consumer would accept.
func (s Settings) LabelErrors() []error {
	e := &usagev1.TokenCall{
		Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Model: fields.UnknownModel, Status: usagev1.Status_STATUS_OK, Run: s.Run,
	}
	s.label(e)
	var errs []error
	for _, bad := range fields.Errors(schemas.Validate(e)) {
		errs = append(errs, bad)
	}
	return errs
}

// label sets tenant and product where the settings name them.
func (s Settings) label(e *usagev1.TokenCall) {
	if s.Tenant != "" {
		e.Tenant = s.Tenant
	}
	if s.Product != "" {
		e.Product = s.Product
	}
}

// lastLine is what to do with the last line of a file of the format.
func (s Settings) lastLine(f *Format) rows.LastLine {
	return rows.LastLine{Take: s.LastLine == rows.LastLineTake, Leave: s.LastLine == rows.LastLineLeave, Finished: f.Published}
}

// HasUsers reports whether rows of the format may have users. Settings.Users is required then.
func (f *Format) HasUsers(s Settings) bool {
	if s.Mapping != nil {
		return s.Mapping.Sets(fields.User)
	}
	return f.users
}

// MayRepeat reports whether the rows of one file may give an event more than once. Most ids hold the place of their
// row. If a mapping names the id, a replay picks the newest row of each id, but two rows may have the same revision if
// a column gives it.
func (f *Format) MayRepeat(s Settings) bool {
	return f.ownIDs || f.Grows || s.Mapping != nil && s.Mapping.Revision() == mapping.RevisionFrom
}

// Validate returns one *faults.SettingError per setting that does not fit the format.
func (f *Format) Validate(s Settings) []error {
	var errs []error
	add := func(name, format string, args ...any) { errs = append(errs, faults.BadSetting(name, format, args...)) }
	switch {
	case f.NeedsMapping && s.Mapping == nil:
		add("mapping", "required, since %s says nothing about its columns", f.Name)
		return errs
	case !f.NeedsMapping && s.Mapping != nil:
		add("mapping", "not for %s, whose columns are known", f.Name)
	}
	relative, why := f.NeedsStart, f.Name+" has only relative times"
	if s.Mapping != nil {
		relative, why = s.Mapping.Relative(), "the times of "+s.Mapping.File()+" are relative"
		errs = append(errs, s.Mapping.LabelErrors(s.labels())...)
	}
	switch {
	case relative && s.Start.IsZero():
		add("start", "required, since %s", why)
	case !relative && !s.Start.IsZero():
		add("start", "not for %s, whose rows carry their time", f.Name)
	case relative && (s.Start.Year() < 1900 || s.Start.Year() > 2299):
		add("start", "%s is not within the years 1900 to 2299", s.Start.UTC().Format(time.RFC3339))
	}
	if f.NeedsTenant && s.Tenant == "" {
		add("tenant", "required, since nothing in files of %s names one", f.Name)
	}
	if s.LastLine != "" && !slices.Contains([]string{rows.LastLineAuto, rows.LastLineTake, rows.LastLineLeave}, s.LastLine) {
		add("last-line", "%q is not one of %s, %s, %s", s.LastLine, rows.LastLineAuto, rows.LastLineTake, rows.LastLineLeave)
	}
	switch {
	case s.CloudType == "":
	case !f.ownIDs:
		add("type", "only for cloudevents")
	case otherType(s.CloudType) == "":
		add("type", "%q is not a type of event such as token_calls", s.CloudType)
	}
	return errs
}
