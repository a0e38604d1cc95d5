package container

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// parquetText returns what writes the values of a column in JSON: numbers as they are, decimals with all their digits,
// times as texts in RFC 3339, in UTC where they say that they are moments and without a zone where they do not.
func parquetText(t parquet.Type) func([]byte, parquet.Value) []byte {
	if logical := t.LogicalType(); logical != nil {
		switch of := logical.Value.(type) {
		case *pq.DecimalType:
			return func(dst []byte, v parquet.Value) []byte { return appendDecimal(dst, v, int(of.Scale)) }
		case *pq.TimestampType:
			layout := "2006-01-02 15:04:05.999999999"
			if of.IsAdjustedToUTC {
				layout = time.RFC3339Nano
			}
			return timeText(layout, durationOf(of.Unit))
		case *pq.TimeType:
			return timeText("15:04:05.999999999", durationOf(of.Unit))
		case *pq.DateType:
			return timeText(time.DateOnly, 24*time.Hour)
		case *pq.IntType:
			if !of.IsSigned {
				return appendUnsigned
			}
		case *pq.JsonType:
			return func(dst []byte, v parquet.Value) []byte {
				if v.IsNull() || !json.Valid(v.ByteArray()) {
					return appendPlain(dst, v)
				}
				return append(dst, v.ByteArray()...)
			}
		case *pq.UUIDType:
			return appendUUID
		}
	}
	return appendPlain
}

func durationOf(u pq.TimeUnit) time.Duration {
	if u.Value == nil {
		return time.Millisecond
	}
	return u.Value.Duration()
}

// timeText writes numbers of the unit since 1970.
func timeText(layout string, unit time.Duration) func([]byte, parquet.Value) []byte {
	perSecond, seconds := int64(time.Second/unit), int64(1)
	if unit > time.Second {
		perSecond, seconds = 1, int64(unit/time.Second)
	}
	return func(dst []byte, v parquet.Value) []byte {
		var n int64
		switch v.Kind() {
		case parquet.Int32:
			n = int64(v.Int32())
		case parquet.Int64:
			n = v.Int64()
		default:
			return appendPlain(dst, v)
		}
		whole := n / perSecond
		at := time.Unix(whole*seconds, (n-whole*perSecond)*int64(unit)).UTC()
		return appendText(dst, at.Format(layout))
	}
}

func appendUnsigned(dst []byte, v parquet.Value) []byte {
	switch v.Kind() {
	case parquet.Int32:
		return strconv.AppendUint(dst, uint64(v.Uint32()), 10)
	case parquet.Int64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	}
	return appendPlain(dst, v)
}

func appendUUID(dst []byte, v parquet.Value) []byte {
	b := v.Bytes()
	if len(b) != 16 {
		return appendPlain(dst, v)
	}
	text := hex.EncodeToString(b)
	return appendText(dst, text[:8]+"-"+text[8:12]+"-"+text[12:16]+"-"+text[16:20]+"-"+text[20:])
}

// appendPlain writes a value by its physical type.
func appendPlain(dst []byte, v parquet.Value) []byte {
	if v.IsNull() {
		return append(dst, "null"...)
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(dst, v.Boolean())
	case parquet.Int32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10)
	case parquet.Int64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case parquet.Int96: // Nanoseconds of the day, and the Julian day.
		const epoch = 2440588
		x := v.Int96()
		nanos := int64(uint64(x[1])<<32 | uint64(x[0]))
		return appendText(dst, time.Unix((int64(x[2])-epoch)*24*60*60, nanos).UTC().Format(time.RFC3339Nano))
	case parquet.Float:
		return appendFloat(dst, float64(v.Float()), 32)
	case parquet.Double:
		return appendFloat(dst, v.Double(), 64)
	}
	return appendText(dst, string(v.Bytes()))
}

// appendFloat writes a number; one that is none is what programs write for nothing.
func appendFloat(dst []byte, x float64, bits int) []byte {
	const plainDigits = 1e21
	switch {
	case math.IsNaN(x):
		return append(dst, "null"...)
	case math.IsInf(x, 0):
		return appendText(dst, strconv.FormatFloat(x, 'g', -1, bits))
	case math.Abs(x) < plainDigits:
		return strconv.AppendFloat(dst, x, 'f', -1, bits)
	}
	return strconv.AppendFloat(dst, x, 'e', -1, bits)
}

// appendDecimal writes all digits of a decimal number.
func appendDecimal(dst []byte, v parquet.Value, scale int) []byte {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	case parquet.ByteArray, parquet.FixedLenByteArray: // Big-endian, in two's complement.
		b := v.Bytes()
		n.SetBytes(b)
		if len(b) > 0 && b[0] >= 1<<7 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	default:
		return appendPlain(dst, v)
	}
	digits := new(big.Int).Abs(n).String()
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	const mostScale = 1000
	if scale <= 0 || scale > mostScale {
		return append(dst, digits...)
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	return append(append(dst, '.'), digits[len(digits)-scale:]...)
}
