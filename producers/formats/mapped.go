package formats

import (
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
)

// readMappedCSV makes events of the rows of a CSV file by a mapping.
func readMappedCSV(l *rows.Lines, s Settings) (Rows, error) { return readMapped(l, s, rows.CSV) }

// readMappedJSON makes events of JSON objects by a mapping.
func readMappedJSON(l *rows.Lines, s Settings) (Rows, error) { return readMapped(l, s, rows.Paths) }

func readMapped(l *rows.Lines, s Settings, read func(*rows.Lines, []rows.Column) (rows.Reader, error)) (Rows, error) {
	mapped, err := mapping.NewRows(s.Mapping, l, read, s.labels(), s.Start, s.Users)
	if err != nil {
		return nil, err
	}
	return mapped, nil
}
