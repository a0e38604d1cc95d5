package chdb

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// restoreTimeout bounds the wait for a place in the engine at the end of a request of a session that goes on.
const restoreTimeout = 30 * time.Second

// Classes of statements, as the engine's parser has them.
const (
	classReadOnly = 0
	classUnknown  = 4 // it does not parse
)

// Reads reports whether a statement only reads, by the engine's parser. Parses is false for one that does not parse.
func (s *Session) Reads(sql string) (reads, parses bool) {
	a := s.conn.analyze(sql)
	return a.statements == 1 && a.class == classReadOnly, a.statements > 0 && a.class != classUnknown
}

// Enter makes a session that goes on ready for one request: it takes a place in the engine, and has the database and the
// settings of the options until Leave. ReadOnly is not looked at, since the engine could not take it back.
func (s *Session) Enter(ctx context.Context, options SessionOptions) error {
	if err := s.Resume(ctx); err != nil {
		return err
	}
	changes := []Setting{{tagSetting, tagValue(s.tag)}} // A statement may have changed it.
	for _, c := range options.Settings {
		if slices.Contains(fixedSettings, c.Name) {
			return settingFixed(c.Name)
		}
		if p, ok := pinnedSetting(c.Name); !ok || !p.accepts(c.Value) {
			changes = append(changes, c)
		}
	}
	var err error
	if s.before, err = s.settings(changes[1:]); err != nil {
		return err
	}
	if err := s.run("SET " + assignments(changes)); err != nil {
		return err
	}
	if options.Database == "" {
		return nil
	}
	s.database = cmp.Or(s.database, "default")
	s.moved = true
	return s.run("USE " + QuoteIdentifier(options.Database))
}

// Leave puts back what Enter changed, after an error of it too, drops temporary tables that were the request's alone, by
// their quoted names, and gives the place in the engine to others. Used says that the statement was a USE, which stays.
// After an error the session is not as it was, and is to be closed.
func (s *Session) Leave(ctx context.Context, used bool, tables []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
	defer cancel()
	if err := s.Resume(ctx); err != nil {
		return err
	}
	defer s.Yield()
	// A stream that was cut off is at work until its connection has something else to do. What this says does not matter.
	_ = s.run("SELECT 1")
	for _, table := range tables {
		if err := s.run("DROP TEMPORARY TABLE IF EXISTS " + table); err != nil {
			return err
		}
	}
	before := s.before
	s.before = nil
	if len(before) > 0 {
		if err := s.run("SET " + strings.Join(before, ", ")); err != nil {
			return err
		}
	}
	switch {
	case used:
		s.moved = false
		database, err := s.value("currentDatabase()", plainly)
		s.database = database
		return err
	case s.moved:
		s.moved = false
		return s.run("USE " + QuoteIdentifier(s.database))
	}
	return nil
}

// limits are settings that could keep a session's own settings from being read.
var limits = []string{"limit", "offset", "max_rows_to_read", "max_bytes_to_read", "max_result_rows", "max_result_bytes"}

// plainly ends a statement of ours, whatever the settings of the session are.
var plainly = " SETTINGS output_format_json_array_of_rows = 0, " + strings.Join(limits, " = 0, ") + " = 0"

// settings returns what puts the named settings back to what they are now.
func (s *Session) settings(named []Setting) ([]string, error) {
	var before, names []string
	for _, n := range named {
		if !slices.Contains(limits, n.Name) {
			names = append(names, quote(n.Name))
			continue
		}
		value, err := s.value("toString(getSetting("+quote(n.Name)+"))", "")
		if err != nil {
			return nil, err
		}
		before = append(before, assignments([]Setting{{n.Name, value}}))
	}
	if len(names) == 0 {
		return before, nil
	}
	out, err := s.read("SELECT name, value, changed FROM system.settings WHERE name IN (" + strings.Join(names, ", ") + ")" + plainly)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		var row struct {
			Name, Value string
			Changed     int
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, fmt.Errorf("read the session's settings: %w", err)
		}
		if row.Changed == 0 {
			before = append(before, QuoteIdentifier(row.Name)+" = DEFAULT")
		} else {
			before = append(before, assignments([]Setting{{row.Name, row.Value}}))
		}
	}
	return before, nil
}

// value returns that of an expression. How it is read may be plainly, but for the settings of that.
func (s *Session) value(expression, how string) (string, error) {
	out, err := s.read("SELECT " + expression + " AS value" + how)
	if err != nil {
		return "", err
	}
	var row struct{ Value string }
	if err := json.Unmarshal([]byte(out), &row); err != nil {
		return "", fmt.Errorf("read %s of the session: %w", expression, err)
	}
	return row.Value, nil
}

// read runs a statement and returns its rows as JSON, one a line.
func (s *Session) read(sql string) (string, error) {
	result, err := s.conn.query(sql, "JSONEachRow", nil)
	if err != nil {
		return "", err
	}
	defer result.Close()
	return string(result.Bytes()), nil
}

func (s *Session) run(sql string) error {
	result, err := s.conn.query(sql, "Null", nil)
	if err == nil {
		result.Close()
	}
	return err
}

// assignments writes settings as SET has them.
func assignments(settings []Setting) string {
	var parts []string
	for _, s := range settings {
		parts = append(parts, QuoteIdentifier(s.Name)+" = "+quote(s.Value))
	}
	return strings.Join(parts, ", ")
}

func settingFixed(name string) error {
	return NewError(codeConstraint, "SETTING_CONSTRAINT_VIOLATION", "Setting "+name+" should not be changed.")
}
