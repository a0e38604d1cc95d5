// Package faults words what is wrong with rows and settings. It knows no format, no flag and no log: a problem names a
// place or a setting, and the caller decides how to show it.
package faults

import (
	"fmt"
	"strings"
)

// SettingError is a setting that cannot be used.
type SettingError struct {
	// Settings are the names of those that do not go together, as a rule one: "last-line".
	Settings []string
	Problem  string // What is wrong, to be read after the names.
}

// Error returns the names and the problem.
func (e *SettingError) Error() string { return strings.Join(e.Settings, " and ") + ": " + e.Problem }

// BadSetting returns a SettingError about one setting.
func BadSetting(name, format string, args ...any) *SettingError {
	return &SettingError{Settings: []string{name}, Problem: fmt.Sprintf(format, args...)}
}

// RowError is a row that cannot be read.
type RowError struct {
	Line, Column int
	Text         string
}

func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// OnceError is a RowError of a kind that a file may have many times: report the first of a kind, and count all.
type OnceError struct {
	Bad         *RowError
	Kind        string
	UnknownType string // The type of a CloudEvent if it is not known; empty for other problems.
}

func (e *OnceError) Error() string { return e.Bad.Error() }

func (e *OnceError) Unwrap() error { return e.Bad }
