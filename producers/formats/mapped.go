package formats

import (
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
)

// readMappedCSV gives the events that the mapping makes of the rows of a CSV file.
func readMappedCSV(l *rows.Lines, s Settings) (Rows, error) { return readMapped(l, s, rows.CSV) }

// readMappedJSON gives the events that the mapping makes of JSON objects.
func readMappedJSON(l *rows.Lines, s Settings) (Rows, error) { return readMapped(l, s, rows.Paths) }

func readMapped(l *rows.Lines, s Settings, read func(*rows.Lines, []rows.Column) (rows.Reader, error)) (Rows, error) {
	mapped, err := mapping.NewRows(s.Mapping, l, read, s.labels(), s.Start, s.Users)
	if err != nil {
		return nil, err
	}
	return mapped, nil
}
