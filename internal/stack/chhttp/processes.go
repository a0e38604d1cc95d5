package chhttp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"tidemark/internal/stack/chdb"
)

// The engine gives statements identifiers of its own. What clients call theirs is kept here, and put in its place where they
// look for it: in system.processes, SHOW PROCESSLIST and KILL QUERY.

// running has the clients' identifiers of the statements that run, by the tag of their session.
type running struct {
	mu  sync.Mutex
	ids map[string]string
}

// begin says that a session runs a client's statement, until the returned function is called.
func (r *running) begin(tag, id string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = map[string]string{}
	}
	r.ids[tag] = id
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ids, tag)
	}
}

// Names of parameters that no client's statement has.
const (
	ownParameters = "tidemark_front_"
	tagsParameter = ownParameters + "tags"
	idsParameter  = ownParameters + "ids"
)

// parameters hold what begin was told, for the statements that processesOf makes.
func (r *running) parameters() []chdb.Parameter {
	r.mu.Lock()
	defer r.mu.Unlock()
	tags, ids := make([]string, 0, len(r.ids)), make([]string, 0, len(r.ids))
	for tag, id := range r.ids {
		tags, ids = append(tags, literal(tag)), append(ids, literal(id))
	}
	return []chdb.Parameter{
		{Name: tagsParameter, Value: "[" + strings.Join(tags, ",") + "]"},
		{Name: idsParameter, Value: "[" + strings.Join(ids, ",") + "]"},
	}
}

// literal writes a string as an element of an array in a parameter.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\t", `\t`, "\n", `\n`, "\x00", `\0`).Replace(s) + "'"
}

// processesOf is system.processes with the clients' identifiers, and with the engine's in column engine_id if asked for.
func processesOf(engineID bool) string {
	own := "transform(" + chdb.TagExpression + ", {" + tagsParameter + ":Array(String)}, {" + idsParameter + ":Array(String)}, p.query_id)"
	columns := "p.* REPLACE (" + own + " AS query_id, if(p.is_initial_query, " + own + ", p.initial_query_id) AS initial_query_id)"
	if engineID {
		columns = "p.query_id AS engine_id, " + columns
	}
	return "(SELECT " + columns + " FROM system.processes AS p)"
}

// clauses are the words that may follow a table and do not name it.
var clauses = []string{
	"WHERE", "PREWHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "FETCH", "FORMAT", "SETTINGS", "INTO", "UNION", "INTERSECT", "EXCEPT", "HAVING", "QUALIFY", "WINDOW",
	"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "PASTE", "ANY", "ALL", "ASOF", "SEMI", "ANTI", "GLOBAL", "ARRAY", "ON", "USING", "SAMPLE", "FINAL",
}

// names reports whether a token after a table is its alias, or begins one.
func names(tok token) bool {
	return tok.kind != tokenOther && tok.kind != tokenEnd && tok.identifier() != "" && !slices.ContainsFunc(clauses, tok.is)
}

// executor runs a statement whole; a session does.
type executor interface {
	Exec(ctx context.Context, sql, format string, params []chdb.Parameter) (*chdb.Result, error)
}

// ownIDs changes a statement that looks at, or ends, what runs, so that it goes by the clients' identifiers. A KILL QUERY is
// carried out, and what is left to run gives its result.
func (ex *exchange) ownIDs(session executor, req *request) error {
	if kill, ok := parseKill(req.text); ok {
		rows, err := ex.kill(session, req, kill)
		if err != nil {
			return err
		}
		req.text, req.params = killResult(rows), nil
		return nil
	}
	if text, ok := readsProcesses(req.keyword, req.text); ok {
		req.text = text
		req.params = append(req.params, ex.handler.running.parameters()...)
	}
	return nil
}

// readsProcesses returns a SELECT with system.processes replaced, if it reads that.
func readsProcesses(keyword, text string) (string, bool) {
	lexer := &lexer{text: text}
	if keyword == "SHOW" {
		lexer.next()
		if !lexer.next().is("PROCESSLIST") {
			return "", false
		}
		return "SELECT * FROM " + processesOf(false) + text[lexer.pos:], true
	}
	if !selects(keyword) {
		return "", false
	}
	var out strings.Builder
	from := 0
	last := token{}
	for tok := lexer.next(); tok.kind != tokenEnd; last, tok = tok, lexer.next() {
		if tok.identifier() != "system" || tok.kind == tokenOther || last.text == "." {
			continue
		}
		mark := lexer.pos
		dot, name := lexer.next(), lexer.next()
		end := lexer.pos
		after := lexer.next()
		if lexer.pos = mark; dot.text != "." || name.identifier() != "processes" {
			continue
		}
		out.WriteString(text[from:tok.start])
		switch {
		case after.text == ".": // A column of it.
			out.WriteString("processes")
		case names(after):
			out.WriteString(processesOf(false))
		default:
			out.WriteString(processesOf(false) + " AS processes")
		}
		from, lexer.pos = end, end
	}
	return out.String() + text[from:], from > 0
}

// selects reports whether a statement that begins like that is a SELECT.
func selects(keyword string) bool {
	return keyword == "SELECT" || keyword == "WITH" || keyword == "(" || keyword == "FROM"
}

// killQuery is KILL QUERY WHERE condition mode.
type killQuery struct{ condition, mode string }

// parseKill reads a KILL QUERY. Any other form than KILL QUERY WHERE ... [SYNC|ASYNC|TEST] [FORMAT f] is left to the engine.
func parseKill(text string) (killQuery, bool) {
	lexer := &lexer{text: text}
	if !lexer.next().is("KILL") || !lexer.next().is("QUERY") || !lexer.next().is("WHERE") {
		return killQuery{}, false
	}
	start := lexer.pos
	k := killQuery{condition: text[start:], mode: "ASYNC"}
	depth := 0
	for last, tok := (token{}), lexer.next(); tok.kind != tokenEnd; last, tok = tok, lexer.next() {
		switch {
		case tok.text == "(" || tok.text == "[" || tok.text == "{":
			depth++
		case tok.text == ")" || tok.text == "]" || tok.text == "}":
			depth--
		case depth > 0:
		case tok.is("SYNC") || tok.is("ASYNC") || tok.is("TEST"):
			mark := lexer.pos
			if next := lexer.next(); next.kind == tokenEnd || next.text == ";" || next.is("FORMAT") {
				k.condition, k.mode = text[start:tok.start], strings.ToUpper(tok.text)
				return k, true
			}
			lexer.pos = mark
		case tok.text == ";" || isFormat(lexer, tok, last):
			k.condition = text[start:tok.start]
			return k, true
		}
	}
	return k, true
}

// isFormat reports whether a token begins a FORMAT clause.
func isFormat(l *lexer, tok, before token) bool {
	if !tok.is("FORMAT") {
		return false
	}
	_, is := l.formatClause(before)
	return is
}

// process is a row of what a KILL QUERY is about.
type process struct {
	EngineID string `json:"engine_id"`
	ID       string `json:"query_id"`
	User     string `json:"user"`
	Query    string `json:"query"`
	status   string
}

// kill finds the statements by the clients' identifiers, and has the engine end them by its own. The engine says whether the
// session may.
func (ex *exchange) kill(session executor, req *request, k killQuery) ([]process, error) {
	ctx := ex.r.Context()
	// Parts of a statement that run elsewhere have no place here; the statement itself is not ended, as in ClickHouse.
	find := "SELECT engine_id, query_id, user, query FROM " + processesOf(true) + " AS processes WHERE engine_id != queryID() AND (" + k.condition + "\n)"
	var found []process
	err := readRows(ctx, session, find, append(slices.Clone(req.params), ex.handler.running.parameters()...), func(row []byte) error {
		var p process
		if err := json.Unmarshal(row, &p); err != nil {
			return err
		}
		found = append(found, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	which := "0" // The engine says all the same whether the session may.
	if len(found) > 0 {
		ids := make([]string, len(found))
		for i, p := range found {
			ids[i] = literal(p.EngineID)
		}
		which = "query_id IN (" + strings.Join(ids, ",") + ")"
	}
	status := map[string]string{}
	end := "KILL QUERY WHERE " + which + " " + k.mode
	err = readRows(ctx, session, end, nil, func(row []byte) error {
		var killed struct {
			Status string `json:"kill_status"`
			ID     string `json:"query_id"`
		}
		err := json.Unmarshal(row, &killed)
		status[killed.ID] = killed.Status
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].status = cmp.Or(status[found[i].EngineID], "finished") // It has ended in between.
	}
	return found, nil
}

// readRows runs a statement and calls each with every row, as JSON.
func readRows(ctx context.Context, session executor, sql string, params []chdb.Parameter, each func(row []byte) error) error {
	result, err := session.Exec(ctx, sql, "JSONEachRow", params)
	if err != nil {
		return err
	}
	defer result.Close()
	for line := range strings.Lines(string(result.Bytes())) {
		if err := each([]byte(line)); err != nil {
			return fmt.Errorf("read what runs: %w", err)
		}
	}
	return nil
}

// killResult is a statement whose result is that of a KILL QUERY.
func killResult(rows []process) string {
	tuples := make([]string, len(rows))
	for i, p := range rows {
		tuples[i] = "(" + literal(p.status) + "," + literal(p.ID) + "," + literal(p.User) + "," + literal(p.Query) + ")"
	}
	return "SELECT t.1 AS kill_status, t.2 AS query_id, t.3 AS user, t.4 AS query FROM (SELECT arrayJoin(CAST([" +
		strings.Join(tuples, ",") + "], 'Array(Tuple(String, String, String, String))')) AS t)"
}
