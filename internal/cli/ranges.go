package cli

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// rangeTag is the tag of a flag's field with the range of its values: "1..100", "1ms..1h", "0..1e7". "0,1s..1h" also allows 0,
// which turns something off. The help shows the range.
const rangeTag = "range"

// ranges returns an error for each flag of a struct whose value is out of its range. It does not look into embedded structs.
func ranges(flags any) error {
	var errs []error
	values := reflect.ValueOf(flags)
	for i := range values.NumField() {
		field := values.Type().Field(i)
		if tag, ok := field.Tag.Lookup(rangeTag); ok {
			errs = append(errs, within("--"+flagName(field), values.Field(i), tag))
		}
	}
	return errors.Join(errs...)
}

// flagName returns the name of a field on the command line.
func flagName(field reflect.StructField) string {
	if name, ok := field.Tag.Lookup("name"); ok {
		return name
	}
	var name strings.Builder
	for i, r := range field.Name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			name.WriteByte('-')
		}
		name.WriteRune(r)
	}
	return strings.ToLower(name.String())
}

// within returns an error unless the value is in the range.
func within(flag string, value reflect.Value, tag string) error {
	span, orZero := strings.CutPrefix(tag, "0,")
	least, most, _ := strings.Cut(span, "..")
	from, fromErr := bound(value, least)
	to, toErr := bound(value, most)
	if err := errors.Join(fromErr, toErr); err != nil {
		return fmt.Errorf("%s: its range %q is not a range: %w", flag, tag, err)
	}
	if orZero && value.IsZero() {
		return nil
	}
	in := false // NaN compares with nothing, so it is in no range.
	switch {
	case value.CanFloat():
		in = value.Float() >= from.Float() && value.Float() <= to.Float()
	default:
		in = value.Int() >= from.Int() && value.Int() <= to.Int()
	}
	if in {
		return nil
	}
	if orZero {
		return fmt.Errorf("%s: %v is neither 0 nor between %s and %s", flag, value.Interface(), least, most)
	}
	return fmt.Errorf("%s: %v is not between %s and %s", flag, value.Interface(), least, most)
}

// bound parses one end of a range as a value of the flag's own type.
func bound(like reflect.Value, text string) (reflect.Value, error) {
	end := reflect.New(like.Type()).Elem()
	switch {
	case like.Type() == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(text)
		end.SetInt(int64(d))
		return end, err
	case like.CanInt():
		n, err := strconv.ParseInt(text, 10, 64)
		end.SetInt(n)
		return end, err
	case like.CanFloat():
		x, err := strconv.ParseFloat(text, 64)
		end.SetFloat(x)
		return end, err
	}
	return end, fmt.Errorf("a flag of type %s has no range", like.Type())
}
