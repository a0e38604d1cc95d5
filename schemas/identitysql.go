package schemas

import "strings"

// IdentitySQL returns a ClickHouse expression over the columns of a raw table, of type UInt128, equal to the identity of
// the event that the row's tenant, source and id name. See IdentityOf.
func IdentitySQL() string {
	var parts []string
	for _, column := range []string{"tenant", "source", "id"} {
		parts = append(parts, lengthSQL(column), column)
	}
	return "reinterpretAsUInt128(substring(SHA256(concat(" + strings.Join(parts, ", ") + ")), 1, 16))"
}

// lengthSQL is the length of a text as a varint. Two bytes count to 16383, which is more than any field may have.
func lengthSQL(column string) string {
	n := "length(" + column + ")"
	return "if(" + n + " < 128, char(" + n + "), char(" + n + " % 128 + 128, intDiv(" + n + ", 128)))"
}
