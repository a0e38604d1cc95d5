// Package schemas says what an event is: its types and topics, which events are acceptable, how a record's value
// becomes a row, and the tables that hold the rows. Producers, consumers and dashboards meet here and nowhere else in
// Go.
//
// The wire contract is usage/v1/usage.proto; the tables are tables/*.sql and rollups.go. What lies between the two, which
// field goes to which column under which rules, is one table of fields per type (fields.go), from which validation,
// decoding, columns and checksums all follow.
package schemas

import (
	"fmt"
	"slices"
)

// Type is a type of event.
type Type uint8

// The types of event, in the order of Specs.
const (
	QueryType Type = iota
	SignupType
	TokenCallType
	ModelEventType
	ReferencePointType
	RunType
)

// DeadLettersTopic is the topic, without namespace, of the records that no consumer could count.
const DeadLettersTopic = "dead_letters.v1"

// DefaultNamespace is the namespace if none is given.
const DefaultNamespace = "tidemark"

// DefaultPartitions is the number of partitions of a new topic if none is given.
const DefaultPartitions = 8

// String returns the name of the type, which is that of its view: "token_calls".
func (t Type) String() string {
	if int(t) >= len(specs) {
		return fmt.Sprintf("type(%d)", uint8(t))
	}
	return specs[t].Name
}

// Spec is where the events of one type are, and whether runs count them.
type Spec struct {
	Type     Type
	Name     string // The type's name and its view in ClickHouse: "token_calls".
	Topic    string // Its topic, without namespace: "token_calls.v1".
	RawTable string // The table of its rows, one per Kafka record: "token_calls_raw".
	// Counted is true for the types whose events a run counts and a replay may send: all but RunType, whose events
	// report these counts.
	Counted bool
}

var specs = [...]Spec{
	QueryType:          specNamed(QueryType, "queries"),
	SignupType:         specNamed(SignupType, "signups"),
	TokenCallType:      specNamed(TokenCallType, "token_calls"),
	ModelEventType:     specNamed(ModelEventType, "model_events"),
	ReferencePointType: specNamed(ReferencePointType, "reference_points"),
	RunType:            specNamed(RunType, "runs"),
}

func specNamed(t Type, name string) Spec {
	return Spec{Type: t, Name: name, Topic: name + ".v1", RawTable: name + "_raw", Counted: t != RunType}
}

// NumTypes is the number of types, one more than the largest Type.
const NumTypes = len(specs)

// Specs returns the specs of all types, in the order of the Type constants. The slice is the caller's.
func Specs() []Spec { return slices.Clone(specs[:]) }

// SpecOf returns the spec of t, which must be one of the Type constants.
func SpecOf(t Type) Spec { return specs[t] }

// SpecByName returns the spec of the type with the given name ("token_calls").
func SpecByName(name string) (Spec, bool) {
	for _, s := range specs {
		if s.Name == name {
			return s, true
		}
	}
	return Spec{}, false
}

// SpecByTopic returns the spec of the type that travels on the given topic, named without namespace ("token_calls.v1").
func SpecByTopic(topic string) (Spec, bool) {
	for _, s := range specs {
		if s.Topic == topic {
			return s, true
		}
	}
	return Spec{}, false
}

// TopicName returns the name that topic has in Kafka within namespace: "tidemark.token_calls.v1".
func TopicName(namespace, topic string) string { return namespace + "." + topic }

// maxNamespace keeps topic names, consumer groups and database names within every system's limit.
const maxNamespace = 48

// reservedNamespaces are databases that every ClickHouse has for itself. (INFORMATION_SCHEMA and those that begin with
// an underscore are no names of namespaces anyway.)
var reservedNamespaces = []string{"system", "information_schema"}

// ValidNamespace returns an error unless s can name a namespace: a lower-case letter, then lower-case letters, digits
// and underscores, 48 bytes at most, and not a database of ClickHouse's own. Such a name is safe in topic names, SQL,
// file names and URLs alike.
func ValidNamespace(s string) error {
	if s == "" {
		return fmt.Errorf("namespace is empty")
	}
	if len(s) > maxNamespace {
		return fmt.Errorf("namespace %s is longer than %d bytes", Excerpt(s), maxNamespace)
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || (c != '_' && (c < '0' || c > '9'))) {
			return fmt.Errorf("namespace %s is not a lower-case letter followed by lower-case letters, digits and underscores", Excerpt(s))
		}
	}
	if slices.Contains(reservedNamespaces, s) {
		return fmt.Errorf("namespace %s has the name of a database of ClickHouse's own: choose another", Excerpt(s))
	}
	return nil
}
