package focus

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"math/big"
	"strconv"
	"time"

	"tidemark/schemas/prices"
)

// instantForm is how FOCUS writes an instant.
const instantForm = "2006-01-02T15:04:05Z"

// WriteCSV writes charges as CSV: a line of names, then one per charge, as they come. A null is an empty field. Rows end with the first error,
// which is returned; what is written until then is no whole file.
func WriteCSV(w io.Writer, rows iter.Seq2[Row, error], o Options) error {
	out := csv.NewWriter(w)
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.Name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	err := each(rows, o, func(c *charge) error {
		for i := range columns {
			line[i] = columns[i].csv(c)
		}
		return out.Write(line)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// csv returns a cell as text, empty for null.
func (col *Column) csv(c *charge) string {
	switch col.Type {
	case Decimal:
		if picos := col.amount(c); picos != nil {
			return prices.FormatPicos(picos)
		}
		return ""
	case Instant:
		return col.at(c).UTC().Format(instantForm)
	case Integer:
		return strconv.FormatUint(col.integer(c), 10)
	}
	return col.text(c)
}

// WriteUnpriced writes usage without a price as CSV. What is not told, and a count that is not known, is an empty field.
func WriteUnpriced(w io.Writer, all []Unpriced) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"Day", "Tenant", "Product", "Provider", "Model", "Reason", "Tokens", "Calls"}); err != nil {
		return err
	}
	for i, u := range all {
		if u.Reason == prices.Priced {
			return fmt.Errorf("unpriced usage %d has no reason", i+1)
		}
		line := []string{u.Day.UTC().Format(time.DateOnly), u.Tenant, u.Product, u.Provider, u.Model, string(u.Reason), count(u.Tokens), count(u.Calls)}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func count(n *big.Int) string {
	if n == nil {
		return ""
	}
	return n.String()
}
