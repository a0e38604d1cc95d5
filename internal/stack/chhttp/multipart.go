package chhttp

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tidemark/internal/stack/chdb"
)

const (
	// formBytes is how much the fields of a form may hold before they are counted among the long statements.
	formBytes = 1 << 20
	// fieldBytes is what a field takes beside its name and value.
	fieldBytes = 64
	// maxExternal bounds the tables that a form may bring.
	maxExternal = 100
)

// externalTable is a table that comes with a statement, for this one.
type externalTable struct {
	name, format, columns string
	data                  io.Reader
}

// isForm reports whether a body is a form of parameters and external tables.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/form-data")
}

// readForm reads a form: fields become parameters of the request, unless its address has them, files external tables.
func (in *incoming) readForm(r *http.Request, query url.Values, body io.Reader) error {
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return badRequest("the form has no boundary in its Content-Type: " + r.Header.Get("Content-Type"))
	}
	form := multipart.NewReader(body, parameters["boundary"])
	in.formLimit = formBytes
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return formError(err)
		}
		name := part.FormName()
		switch {
		case name == "":
			return badRequest("the form has a part without a name")
		case part.FileName() != "":
			if err := in.keepFile(name, part); err != nil {
				return err
			}
		default:
			value, err := in.field(part)
			if err != nil {
				return err
			}
			if !query.Has(name) {
				query.Set(name, value)
			}
		}
	}
	return in.describeTables(query)
}

// field reads a value of a form.
func (in *incoming) field(part *multipart.Part) (string, error) {
	var value []byte
	in.formRead += len(part.FormName()) + fieldBytes
	for {
		before := len(value)
		var err error
		value, err = readUpTo(part, value, before+in.formLimit-in.formRead)
		in.formRead += len(value) - before
		switch {
		case errors.Is(err, io.EOF):
			return string(value), nil
		case err != nil:
			return "", formError(err)
		case in.formLimit == maxQueryBytes:
			return "", tooLarge()
		}
		release, err := takeStatement(in.handler.statements)
		if err != nil {
			return "", err
		}
		in.releases = append(in.releases, release)
		in.formLimit = maxQueryBytes
	}
}

// keepFile keeps the data of an external table.
func (in *incoming) keepFile(name string, part *multipart.Part) error {
	if len(in.tables) == maxExternal {
		return badRequest("the form has too many external tables")
	}
	data := &liveBody{part}
	release, err := data.spool(in.handler.bodies, in.handler.options.SpoolDir)
	in.releases = append(in.releases, release)
	if err != nil {
		return formError(err)
	}
	in.tables = append(in.tables, &externalTable{name: name, data: data})
	return nil
}

// formatLetters are those of the names of formats.
const formatLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// describeTables reads the formats and columns of the external tables, which are parameters, and takes these away.
func (in *incoming) describeTables(query url.Values) error {
	for _, t := range in.tables {
		t.format, t.columns = query.Get(t.name+"_format"), query.Get(t.name+"_structure")
		switch {
		case t.format == "":
			t.format = "TabSeparated"
		case strings.Trim(t.format, formatLetters) != "":
			return badRequest(t.name + "_format is no name of a format: " + strconv.Quote(t.format))
		}
		if types := query.Get(t.name + "_types"); t.columns == "" && types != "" {
			t.columns = numberColumns(types)
		}
		if t.columns == "" {
			return badRequest("the external table " + t.name + " has no columns: say them in " + t.name + "_structure or " + t.name + "_types")
		}
		for _, suffix := range []string{"_format", "_structure", "_types"} {
			query.Del(t.name + suffix)
		}
	}
	return nil
}

// numberColumns names columns of which only the types are given.
func numberColumns(types string) string {
	_, list := splitType("Tuple(" + types + ")")
	var b strings.Builder
	for i, name := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("_" + strconv.Itoa(i+1) + " " + name)
	}
	return b.String()
}

// formError names what is wrong with a form, or with the body that it is.
func formError(err error) error {
	if e := (*chdb.Error)(nil); errors.As(err, &e) {
		return err
	}
	return badRequest("the form cannot be read: " + err.Error())
}

// load makes the external tables in the session of the statement.
func (ex *exchange) load(ctx context.Context, session *lease, tables []*externalTable) error {
	for _, t := range tables {
		name := chdb.QuoteIdentifier(t.name)
		create := "CREATE TEMPORARY TABLE " + name + " (" + t.columns + ") ENGINE = Memory"
		if err := forbid(create, ex.handler.engine.OwnTableEngine); err != nil {
			return err
		}
		result, err := session.Exec(ctx, create, "Null", nil)
		if err != nil {
			return err
		}
		result.Close()
		session.tables = append(session.tables, name)
		if _, err := feed(ctx, session, "INSERT INTO "+name, t.format, nil, t.data); err != nil {
			return err
		}
	}
	return nil
}
