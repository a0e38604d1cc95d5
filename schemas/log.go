package schemas

// RunHeader is the key of the record header that names the run of an event. A consumer needs it when the value of the
// record cannot be read.
const RunHeader = "tidemark-run"

// TopicID is the id that the brokers give to one incarnation of a topic: a topic that was deleted and created again has
// another one. It is zero where the brokers have no such ids.
type TopicID [16]byte

// Offsets are the ends of a partition: Start is its first offset, End the one that the next record gets.
type Offsets struct{ Start, End int64 }
