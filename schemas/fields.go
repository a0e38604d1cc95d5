package schemas

import (
	"math"
	"slices"
	"time"

	usagev1 "tidemark/schemas/usage/v1"
)

// kind is how a field travels and what its column is.
type kind uint8

const (
	kindText           kind = iota // string; String
	kindLowCardinality             // string; LowCardinality(String)
	kindCount                      // uint64; UInt64
	kindWeight                     // uint64, 0 meaning 1; UInt64
	kindHash                       // fixed64; UInt64
	kindTime                       // sfixed64; DateTime64(6, 'UTC')
	kindEnum                       // enum; Enum8
	kindBool                       // bool; Bool
	kindFloat                      // double; Float64
	kindNullableCount              // optional uint64; Nullable(UInt64)
	kindNullableMoney              // optional sfixed64; Nullable(Int64)
)

// pattern is the form that a text must have.
type pattern uint8

const (
	patternNone  pattern = iota
	patternUpper         // Upper-case letters A to Z, exactly field.max of them, or nothing.
)

// Limits of what an event may hold. They keep the product of any number and its weight within 64 bits, and every text within
// a line. Sums over events are kept in 128 bits: 20,000 events within these limits are beyond 64.
const (
	maxText         = 256  // Bytes.
	maxLongText     = 512  // Bytes.
	maxWeight       = 1e12 // Real events a record stands for.
	maxTokens       = 1e12 // Tokens of one class in a record.
	maxWeighted     = 1e15 // Tokens of one class times weight, and requests times weight.
	maxDuration     = 1e12 // Microseconds: 11 days.
	maxAttempts     = 1e12 // Tries of a call.
	maxReports      = 1e12 // Reports of a call.
	maxMoney        = 1e18 // Either side of 0, in 1e-9 of a unit: a thousand million units, of yen and won too.
	maxPicos        = 999  // What of a cost is below 1e-9 of a unit, in 1e-12.
	maxFieldNumbers = 64   // A power of two above every field number, so that indexes need no bounds check.
)

var (
	minTime = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxTime = time.Date(2299, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
)

// Numbers of the common fields.
const (
	numSource     = 1
	numID         = 2
	numTime       = 3
	numTenant     = 4
	numRun        = 9
	numWeight     = 16
	numUserWeight = 17
	numRevision   = 28
)

// Numbers of the fields that rules across fields speak of.
const (
	numTokenModel     = 10
	numLatency        = 15
	numFirstToken     = 22
	numReportedCost   = 26
	numReportedPicos  = 29
	numRequests       = 30
	numCostCurrency   = 27
	numCacheWrite     = 24
	numCacheWrite5m   = 31
	numCacheWrite1h   = 32
	numModelEventKind = 10
	numBaseModel      = 12
)

// field is one field of a message, its column, and the rule for its values.
type field struct {
	name     string // In the wire contract.
	column   string // In ClickHouse.
	number   uint8
	kind     kind
	required bool    // A text that is not empty, an enum that is not 0, a time that is there.
	later    bool    // Rows are older than the field: see checksum.go.
	pattern  pattern // Of a text.
	byWeight bool    // Of a number: its product with the weight is limited too.
	max      uint64  // Bytes of a text; the largest number; of an enum the largest known value.
	fallback uint8   // Number of the text that stands in when this one is empty; 0 for none.
	enum     string  // The column type of an enum.
}

// table is all there is to know about one type.
type table struct {
	spec    Spec
	fields  []field // In the order of the columns.
	actions actions

	floats   []field // Those that must be finite.
	measures []field // Those whose product with the weight is limited.

	required uint64 // Bit n is set if the field n is.
	crossing uint64 // The fields without which no rule between fields is broken.

	unsaid uint64 // What texts that are later would add to the body of a row that has none of them.

	weighted bool // Whether the type has a weight, which the truth about a run only counts.
	revised  bool // Whether an event of the type may be stated again.
}

// The coordinates of the record stand between the tenant and the source; they come from no field.
const coordinatesAfter = 2 // Fields: time, tenant.

func text(number uint8, name string, limit uint64) field {
	return field{name: name, column: name, number: number, kind: kindText, max: limit}
}

func lowCardinality(number uint8, name string) field {
	return field{name: name, column: name, number: number, kind: kindLowCardinality, max: maxText}
}

func upper(number uint8, name string, letters uint64) field {
	return field{name: name, column: name, number: number, kind: kindLowCardinality, max: letters, pattern: patternUpper}
}

func count(number uint8, name string) field {
	return field{name: name, column: name, number: number, kind: kindCount, max: math.MaxUint64}
}

func nullable(number uint8, name string, limit uint64) field {
	return field{name: name, column: name, number: number, kind: kindNullableCount, max: limit}
}

// tokens is a class of tokens, whose product with the weight is limited too.
func tokens(number uint8, name string) field {
	f := nullable(number, name, maxTokens)
	f.byWeight = true
	return f
}

// requests is how many calls a record adds up.
func requests() field {
	f := tokens(numRequests, "requests")
	f.max = maxWeight
	return f
}

func moment(number uint8, name, column string) field {
	return field{name: name, column: column, number: number, kind: kindTime}
}

// enum is an enum of the given number of values, from 0 on without holes.
func enum(number uint8, name, column string, values int) field {
	return field{name: name, column: name, number: number, kind: kindEnum, max: uint64(values - 1), enum: column}
}

func (f field) must() field {
	f.required = true
	return f
}

// later marks fields of a type that has rows already, whose checksums must stay.
func later(fields ...field) []field {
	for i := range fields {
		fields[i].later = true
	}
	return fields
}

const (
	segmentEnum = "Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4)"
	statusEnum  = "Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3)"
	usageEnum   = "Enum8('unknown' = 0, 'reported' = 1, 'estimated' = 2, 'missing' = 3)"
	splitEnum   = "Enum8('unknown' = 0, 'exact' = 1, 'upper_bound' = 2, 'none' = 3)"
	kindsEnum   = "Enum8('unknown' = 0, 'release' = 1, 'download' = 2, 'derivative' = 3)"
)

// common are the fields of every type.
var common = []field{
	moment(numTime, "time_us", "time").must(),
	lowCardinality(numTenant, "tenant").must(),
	lowCardinality(numSource, "source").must(),
	text(numID, "id", maxLongText).must(),
	lowCardinality(numRun, "run"),
}

// usage returns the fields of a type that counts usage; the product is required of what a person does.
func usage(product field, own ...field) []field {
	return slices.Concat(common, []field{
		product,
		{name: "user", column: "user", number: 6, kind: kindHash, max: math.MaxUint64},
		upper(7, "country", 2),
		enum(8, "segment", segmentEnum, len(usagev1.Segment_name)),
		{name: "weight", column: "weight", number: numWeight, kind: kindWeight, max: maxWeight},
		{name: "user_weight", column: "user_weight", number: numUserWeight, kind: kindWeight, max: maxWeight},
	}, own, []field{revision()})
}

// revision says which statement of an event this is. It is no part of what the event says.
func revision() field { return count(numRevision, "revision") }

// picos is what of a cost is below a nano.
func picos() field {
	f := count(numReportedPicos, "reported_cost_picos")
	f.max = maxPicos
	return f
}

var tables = [...]*table{
	QueryType: newTable(QueryType, usage(lowCardinality(5, "product").must(),
		lowCardinality(10, "kind"),
		lowCardinality(11, "model"),
	)),
	SignupType: newTable(SignupType, usage(lowCardinality(5, "product").must(),
		lowCardinality(10, "channel"),
		lowCardinality(11, "plan"),
	)),
	TokenCallType: newTable(TokenCallType, slices.Concat(usage(lowCardinality(5, "product").must(),
		lowCardinality(numTokenModel, "model").must(),
		requestedModel(),
		lowCardinality(11, "provider"),
		lowCardinality(19, "operation"),
		field{name: "streaming", column: "streaming", number: 20, kind: kindBool, max: math.MaxUint64},
		enum(12, "status", statusEnum, len(usagev1.Status_name)).must(),
		longLowCardinality(21, "error_type"),
		nullable(numLatency, "latency_us", maxDuration),
		nullable(numFirstToken, "first_token_us", maxDuration),
		tokens(13, "input_uncached"),
		tokens(23, "input_cache_read"),
		tokens(numCacheWrite, "input_cache_write"),
		tokens(14, "output_visible"),
		tokens(25, "output_reasoning"),
		field{name: "reported_cost_nanos", column: "reported_cost_nanos", number: numReportedCost, kind: kindNullableMoney},
		upper(numCostCurrency, "cost_currency", 3),
		picos(),
	), []field{requests()}, later(
		tokens(numCacheWrite5m, "cache_write_5m"),
		tokens(numCacheWrite1h, "cache_write_1h"),
		tokens(33, "input_audio"),
		tokens(34, "input_image"),
		tokens(35, "output_audio"),
		tokens(36, "output_image"),
		lowCardinality(37, "service_tier"),
		lowCardinality(38, "region"),
		lowCardinality(39, "client"),
		lowCardinality(40, "client_version"),
		text(41, "response_id", maxLongText),
		nullable(42, "attempt", maxAttempts),
		enum(43, "usage", usageEnum, len(usagev1.UsageSource_name)),
		enum(44, "split", splitEnum, len(usagev1.UsageSplit_name)),
		joined(),
		field{name: "may_be_double", column: "may_be_double", number: 46, kind: kindBool, max: math.MaxUint64},
	))),
	ModelEventType: newTable(ModelEventType, usage(lowCardinality(5, "product"),
		enum(numModelEventKind, "kind", kindsEnum, len(usagev1.ModelEventKind_name)).must(),
		lowCardinality(11, "model").must(),
		lowCardinality(numBaseModel, "base_model"),
		lowCardinality(13, "organization"),
		lowCardinality(14, "hub"),
	)),
	ReferencePointType: newTable(ReferencePointType, slices.Concat(common, []field{
		lowCardinality(10, "entity").must(),
		lowCardinality(11, "metric").must(),
		{name: "value", column: "value", number: 12, kind: kindFloat},
		lowCardinality(13, "unit").must(),
		text(14, "citation", maxLongText),
		lowCardinality(15, "confidence"),
		revision(),
	})),
	RunType: newTable(RunType, slices.Concat([]field{
		common[0], common[1], common[2], common[3], common[4].must(),
		lowCardinality(10, "kind").must(),
		lowCardinality(11, "type").must(),
		count(12, "produced"),
		count(13, "events"),
		count(14, "duplicates"),
		count(15, "conflicts"),
		count(16, "poison"),
		count(17, "input_tokens"),
		count(18, "output_tokens"),
		count(19, "weight"),
		moment(20, "first_time_us", "first_time"),
		moment(21, "last_time_us", "last_time"),
		text(22, "detail", maxLongText),
		count(23, "input_tokens_high"),
		count(24, "output_tokens_high"),
		count(25, "weight_high"),
	}, later(
		lowCardinality(41, "key"),
		lowCardinality(42, "endpoint"),
		lowCardinality(43, "sender"),
		lowCardinality(44, "reason"),
		count(45, "received"),
		count(46, "rejected"),
		count(47, "joined"),
		count(48, "skipped"),
		count(49, "spooled"),
		count(50, "drained"),
		count(51, "refused"),
		count(52, "not_resent"),
		count(53, "unacknowledged"),
	))),
}

// joined is how many further reports of a call are in its record.
func joined() field {
	f := count(45, "joined")
	f.max = maxReports
	return f
}

func requestedModel() field {
	f := lowCardinality(18, "requested_model")
	f.fallback = numTokenModel
	return f
}

func longLowCardinality(number uint8, name string) field {
	f := lowCardinality(number, name)
	f.max = maxLongText
	return f
}

func newTable(t Type, fields []field) *table {
	tab := &table{spec: specs[t], fields: fields}
	for i := range fields {
		f := &fields[i]
		wire, act := f.kind.wire()
		tab.actions[uint(f.number)<<3|uint(wire)] = act
		if f.kind == kindFloat {
			tab.floats = append(tab.floats, *f)
		}
		if f.later && f.isText() {
			tab.unsaid += textHash("") * f.factor()
		}
		if f.required {
			tab.required |= 1 << f.number
		}
		if f.byWeight {
			tab.measures = append(tab.measures, *f)
		}
		tab.weighted = tab.weighted || f.kind == kindWeight
		tab.revised = tab.revised || f.number == numRevision
	}
	switch t {
	case TokenCallType:
		tab.crossing = 1<<numReportedCost | 1<<numReportedPicos | 1<<numCacheWrite5m | 1<<numRequests
	case ModelEventType:
		tab.crossing = 1 << numModelEventKind
	}
	return tab
}
