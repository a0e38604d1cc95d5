package schemas

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
	"unsafe"

	usagev1 "tidemark/schemas/usage/v1"
)

// problems returns the errors of v, at most one per field, in the order of the columns.
func (t *table) problems(v *values) []*FieldError {
	var out []*FieldError
	for i := range t.fields {
		if e := t.fields[i].problem(v); e != nil {
			out = append(out, e)
		}
	}
	if e := t.across(v); e != nil {
		out = append(out, e)
	}
	return out
}

// across returns the error of a rule between fields; nil if there is none.
func (t *table) across(v *values) *FieldError {
	switch t.spec.Type {
	case TokenCallType:
		if e := costNeedsCurrency(v); e != nil {
			return e
		}
		if e := picosNeedCost(v); e != nil {
			return e
		}
		if e := cacheWritesFit(v); e != nil {
			return e
		}
		return timesNeedOneCall(v)
	case ModelEventType:
		return derivativeNeedsBase(v)
	}
	return nil
}

// problem returns the error of the field in v; nil if there is none.
func (f *field) problem(v *values) *FieldError {
	switch f.kind {
	case kindText, kindLowCardinality:
		return f.textProblem(v.textOf(f.number))
	case kindTime:
		return f.timeProblem(v)
	case kindFloat:
		if x := math.Float64frombits(v.numberOf(f.number)); math.IsNaN(x) || math.IsInf(x, 0) {
			return &FieldError{f.name, "is not a finite number", strconv.FormatFloat(x, 'g', -1, 64)}
		}
	case kindEnum:
		if x := int32(v.numberOf(f.number)); x < 0 || uint64(x) > f.max {
			return &FieldError{f.name, "is not a known value", strconv.Itoa(int(x))}
		} else if f.required && x == 0 {
			return &FieldError{f.name, "is missing", ""}
		}
	case kindNullableMoney:
		if x := int64(v.numberOf(f.number)); x < -maxMoney || x > maxMoney {
			return &FieldError{f.name, "is more than " + strconv.Itoa(maxMoney) + " away from 0", strconv.FormatInt(x, 10)}
		}
	case kindCount, kindWeight, kindHash, kindBool, kindNullableCount:
		x := v.numberOf(f.number)
		if x > f.max {
			return &FieldError{f.name, "is more than " + strconv.FormatUint(f.max, 10), strconv.FormatUint(x, 10)}
		}
		if f.byWeight && !v.weighted(x) {
			return &FieldError{f.name, "times weight is more than " + strconv.Itoa(maxWeighted),
				strconv.FormatUint(x, 10) + " x " + strconv.FormatUint(v.weight(), 10)}
		}
	}
	return nil
}

func (f *field) textProblem(s string) *FieldError {
	switch {
	case s == "" && f.required:
		return &FieldError{f.name, "is missing", ""}
	case f.pattern == patternUpper && s != "" && !isUpper(s, int(f.max)):
		return &FieldError{f.name, "is not " + strconv.FormatUint(f.max, 10) + " upper-case letters", Excerpt(s)}
	case uint64(len(s)) <= f.max && isPlain(s):
		return nil
	case uint64(len(s)) > f.max:
		return &FieldError{f.name, "is longer than " + strconv.FormatUint(f.max, 10) + " bytes", Excerpt(s)}
	case !utf8.ValidString(s):
		return &FieldError{f.name, "is not valid UTF-8", Excerpt(s)}
	case hasControl(s):
		return &FieldError{f.name, "has a control character", Excerpt(s)}
	}
	return nil
}

func (f *field) timeProblem(v *values) *FieldError {
	us := int64(v.numberOf(f.number))
	switch {
	case f.required && !v.has(f.number):
		return &FieldError{f.name, "is missing", ""}
	case us < minTime || us > maxTime:
		return &FieldError{f.name, "is not within the years 1900 to 2299", strconv.FormatInt(us, 10) + " (" +
			time.UnixMicro(us).UTC().Format(time.RFC3339) + ")"}
	}
	return nil
}

func isUpper(s string, letters int) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return len(s) == letters
}

func hasControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}

// isPlain reports whether s is ASCII without control characters, as most texts are.
func isPlain(s string) bool {
	const ones = 0x0101010101010101
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for len(b) >= 8 { // In every byte the highest bit shows: it is above 0x7e, or taking a space off it borrows.
		w := binary.LittleEndian.Uint64(b)
		if (w|(w+ones)|(w-' '*ones))&(0x80*ones) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c-' ' > '~'-' ' {
			return false
		}
	}
	return true
}

// weight returns how many events the record stands for.
func (v *values) weight() uint64 { return max(v.numberOf(numWeight), 1) }

// freeWeight is the largest weight at which no class of tokens within its limit exceeds maxWeighted.
const freeWeight = maxWeighted / maxTokens

// weighted reports whether x tokens times the weight are within the limit.
func (v *values) weighted(x uint64) bool {
	w := v.weight()
	return w <= freeWeight || x <= maxWeighted/w
}

func costNeedsCurrency(v *values) *FieldError {
	if v.has(numReportedCost) && v.textOf(numCostCurrency) == "" {
		return &FieldError{"cost_currency", "is missing beside reported_cost_nanos", ""}
	}
	return nil
}

func picosNeedCost(v *values) *FieldError {
	if v.numberOf(numReportedPicos) != 0 && !v.has(numReportedCost) {
		return &FieldError{"reported_cost_nanos", "is missing beside reported_cost_picos", ""}
	}
	return nil
}

// timesNeedOneCall refuses durations unless requests is 1: the durations of single calls are not known.
func timesNeedOneCall(v *values) *FieldError {
	if !v.has(numRequests) || v.numberOf(numRequests) == 1 {
		return nil
	}
	for _, times := range [...]struct {
		number uint8
		name   string
	}{{numLatency, "latency_us"}, {numFirstToken, "first_token_us"}} {
		if v.has(times.number) {
			return &FieldError{times.name, "must be absent where requests is not 1", strconv.FormatUint(v.numberOf(numRequests), 10)}
		}
	}
	return nil
}

// cacheWritesFit refuses parts of the cache writes that are more than all of them.
func cacheWritesFit(v *values) *FieldError {
	if !v.has(numCacheWrite) || !v.has(numCacheWrite5m) || !v.has(numCacheWrite1h) {
		return nil
	}
	all, short, long := v.numberOf(numCacheWrite), v.numberOf(numCacheWrite5m), v.numberOf(numCacheWrite1h)
	if short <= all && long <= all-short {
		return nil
	}
	return &FieldError{"cache_write_5m", "and cache_write_1h are more than input_cache_write",
		strconv.FormatUint(short, 10) + " + " + strconv.FormatUint(long, 10) + " of " + strconv.FormatUint(all, 10)}
}

func derivativeNeedsBase(v *values) *FieldError {
	if usagev1.ModelEventKind(int32(v.numberOf(numModelEventKind))) == usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE &&
		v.textOf(numBaseModel) == "" {
		return &FieldError{"base_model", "is missing on a derivative", ""}
	}
	return nil
}
