package focus

import (
	"errors"
	"io"
	"iter"
	"math/big"

	"github.com/parquet-go/parquet-go"
)

// groupRows is how many charges a group of rows has. The writer holds one group in memory.
const groupRows = 20_000

// The decimals of the files: 38 digits, 12 of them after the point, in 16 bytes.
const (
	decimalScale  = 12
	decimalDigits = 38
	decimalBytes  = 16
)

// twoTo128 makes a negative number the two's complement of 16 bytes.
var twoTo128 = new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes)

// schema is that of the files. The library sorts the columns by name, as they are here.
var schema = func() *parquet.Schema {
	group := parquet.Group{}
	for _, c := range columns {
		group[c.Name] = c.node()
	}
	return parquet.NewSchema("focus_cost_and_usage", group)
}()

// node returns the column's type.
func (col *Column) node() parquet.Node {
	var node parquet.Node
	switch col.Type {
	case Decimal:
		node = parquet.Decimal(decimalScale, decimalDigits, parquet.FixedLenByteArrayType(decimalBytes))
	case Instant:
		node = parquet.Timestamp(parquet.Microsecond)
	case Integer:
		node = parquet.Uint(64)
	default:
		node = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	if col.Null {
		node = parquet.Optional(node)
	}
	return node
}

// WriteParquet writes charges as a Parquet file. After an error, which is returned, the file has no end, so nobody reads it as a whole one.
func WriteParquet(w io.Writer, rows iter.Seq2[Row, error], o Options) error {
	out := parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(groupRows),
		parquet.KeyValueMetadata("FocusVersion", Version), parquet.KeyValueMetadata("DataGenerator", "Tidemark"))
	row := make(parquet.Row, len(columns))
	batch := []parquet.Row{row}
	err := each(rows, o, func(c *charge) error {
		for i := range columns {
			row[i] = columns[i].parquet(c, i)
		}
		n, err := out.WriteRows(batch)
		if err == nil && n != 1 {
			err = errors.New("the Parquet writer took no row")
		}
		return err
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// parquet returns a cell of column i.
func (col *Column) parquet(c *charge, i int) parquet.Value {
	defined := 0
	if col.Null {
		defined = 1
	}
	switch col.Type {
	case Decimal:
		if picos := col.amount(c); picos != nil {
			return parquet.FixedLenByteArrayValue(twosComplement(picos)).Level(0, defined, i)
		}
	case Instant:
		return parquet.Int64Value(col.at(c).UnixMicro()).Level(0, defined, i)
	case Integer:
		return parquet.Int64Value(int64(col.integer(c))).Level(0, defined, i) // The same 64 bits.
	default:
		if text := col.text(c); text != "" || !col.Null {
			return parquet.ByteArrayValue([]byte(text)).Level(0, defined, i)
		}
	}
	return parquet.NullValue().Level(0, 0, i)
}

// twosComplement returns a number of less than 128 bits as 16 bytes, the first one first.
func twosComplement(n *big.Int) []byte {
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, twoTo128)
	}
	return n.FillBytes(make([]byte, decimalBytes))
}
