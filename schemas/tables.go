package schemas

import (
	"embed"
	"strconv"
	"strings"
)

//go:embed tables/*.sql
var tableFiles embed.FS

// Migration is one statement of the database's schema.
type Migration struct {
	Version int    // Unique, ascending: the number the file's name begins with.
	Name    string // The rest of the file's name: "token_calls_raw".
	SQL     string // One statement, which may be run again.
}

// Migrations returns the statements that make the tables and views of a namespace in the given database, which must
// exist, in the order to run them.
func Migrations(database string) []Migration {
	files, err := tableFiles.ReadDir("tables") // Sorted by name, hence by version.
	if err != nil {
		return nil // Not possible: the folder is embedded.
	}
	out := make([]Migration, 0, len(files))
	for _, file := range files {
		sql, err := tableFiles.ReadFile("tables/" + file.Name())
		if err != nil {
			continue // Not possible either.
		}
		number, name, _ := strings.Cut(strings.TrimSuffix(file.Name(), ".sql"), "_")
		version, _ := strconv.Atoi(number) // A test checks the names.
		out = append(out, Migration{
			Version: version,
			Name:    name,
			SQL:     strings.TrimSpace(strings.ReplaceAll(string(sql), "{database}", Ident(database))),
		})
	}
	return out
}
