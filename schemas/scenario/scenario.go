// Package scenario is the scenario file: a usage history in curves and mixes, the source of every figure, and what has to
// be measured once it has been replayed. It parses and validates; producers/scenario makes the events.
//
//	Load: YAML -> shape (fields.go, from which scenario.schema.json is made too) -> structs -> rules across fields
//	      -> the tables (CSV) that the file names
//
// All that is wrong with a file is told at once, each with file, line, column and a remedy.
package scenario

import "time"

// Scenario is a usage history and what it must measure. Times are in UTC.
type Scenario struct {
	ID          string `yaml:"id"` // Also the tenant of its events.
	Title       string `yaml:"title"`
	Description string `yaml:"description"`
	Seed        uint64 `yaml:"seed"`
	Grain       Grain  `yaml:"grain"`
	// Sources by the name that figures refer to them with.
	Sources         map[string]Source `yaml:"sources"`
	Streams         []Stream          `yaml:"streams"`
	ReferencePoints []ReferencePoints `yaml:"reference_points"`
	Releases        []Releases        `yaml:"releases"`
	Workload        *Workload         `yaml:"workload"`
	Expectations    []Expectation     `yaml:"expectations"`

	// Tables are the CSV files that the scenario names, by name.
	Tables map[string]*Table `yaml:"-"`
}

// Grain is what times are placed on: records bear the first instant of their day or minute.
type Grain string

// The grains.
const (
	Day    Grain = "day"
	Minute Grain = "minute"
)

// Length returns the length of the grain.
func (g Grain) Length() time.Duration {
	if g == Minute {
		return time.Minute
	}
	return 24 * time.Hour
}

// Source says where a figure comes from.
type Source struct {
	Name       string     `yaml:"name"`
	URL        string     `yaml:"url"`      // Or a citation.
	Citation   string     `yaml:"citation"` // Where there is no page.
	License    string     `yaml:"license"`
	Confidence Confidence `yaml:"confidence"`
}

// Where returns the address or, without one, the citation.
func (s Source) Where() string {
	if s.URL != "" {
		return s.URL
	}
	return s.Citation
}

// Confidence says how well a figure is confirmed.
type Confidence string

// The degrees of confidence.
const (
	Recomputed   Confidence = "A" // Recomputed from open data.
	Published    Confidence = "B" // A page that names its primary source, or several pages.
	Secondary    Confidence = "C" // One secondary page.
	Unconfirmed  Confidence = "X" // No public page has it.
	Illustrative Confidence = "illustrative"
)

// confirmed reports whether a figure of that confidence may be checked against.
func (c Confidence) confirmed() bool { return c == Recomputed || c == Published || c == Secondary }

// The types of a stream: what its records are.
const (
	Query      = "query"
	Signup     = "signup"
	TokenCall  = "token_call"
	Release    = "release"
	Download   = "download"
	Derivative = "derivative"
)

// Stream is events of one type along a curve.
type Stream struct {
	ID      string `yaml:"id"`   // Part of the events' identity.
	Type    string `yaml:"type"` // One of the types above.
	Product string `yaml:"product"`
	Kind    string `yaml:"kind"`    // Of queries: "search".
	Channel string `yaml:"channel"` // Of sign-ups: "web".
	// Model is the model of every event; of releases and derivatives, numbered from 1, the beginning of the name.
	Model        string `yaml:"model"`
	BaseModel    string `yaml:"base_model"` // Of derivatives.
	Organization string `yaml:"organization"`
	Hub          string `yaml:"hub"`
	// Providers by model: who sells the calls.
	Providers map[string]string `yaml:"providers"`
	Tokens    *Tokens           `yaml:"tokens"` // Of one call.
	Curve     Curve             `yaml:"curve"`

	// Of these, one says how many records stand for the curve: a fixed weight, or how many records there are in all,
	// spread evenly over the time of the curve. A curve of users needs neither.
	Weight  uint64 `yaml:"weight"`
	Records int    `yaml:"records"`
	// UserWeight is how many users a user stands for, EventsPerUser how many events a user makes a week on average: both
	// of a curve of users. Default 1.
	UserWeight    uint64 `yaml:"user_weight"`
	EventsPerUser uint64 `yaml:"events_per_user"`
	// Users is how many users the records are spread over; 0 leaves the users unknown. Not of a curve of users.
	Users uint64 `yaml:"users"`

	// Who and what the events are about, over time. What is absent is unknown.
	Countries []Mix `yaml:"countries"`
	Segments  []Mix `yaml:"segments"`
	Models    []Mix `yaml:"models"`
}

// Tokens of one call.
type Tokens struct {
	Input  uint64 `yaml:"input"`  // Neither read from a cache nor written to one.
	Cached uint64 `yaml:"cached"` // Read from a cache.
	Output uint64 `yaml:"output"`
	Source string `yaml:"source"`
}

// Total returns all tokens of a call.
func (t *Tokens) Total() uint64 { return t.Input + t.Cached + t.Output }

// The measures of a curve.
const (
	Events    = "events" // Real events in the time that Per says.
	TokensPer = "tokens" // Tokens in the time that Per says.
	Users     = "users"  // Users active in a week from Monday to Sunday.
	Total     = "total"  // Events from the beginning to the end of the day or minute.
)

// Curve is a quantity over time, by dated points and what lies between.
type Curve struct {
	Measure       string  `yaml:"measure"`
	Per           string  `yaml:"per"` // minute, hour, day, week, year; absent of totals.
	Unit          string  `yaml:"unit"`
	Interpolation string  `yaml:"interpolation"` // geometric or linear.
	Points        []Point `yaml:"points"`        // At least two, ascending, above 0.
}

// Linear reports whether the curve goes straight from point to point.
func (c *Curve) Linear() bool { return c.Interpolation == "linear" }

// Step returns the time that the values of the curve are for, 0 for totals.
func (c *Curve) Step() time.Duration {
	switch c.Per {
	case "minute":
		return time.Minute
	case "hour":
		return time.Hour
	case "day":
		return 24 * time.Hour
	case "week":
		return 7 * 24 * time.Hour
	case "year":
		return 365 * 24 * time.Hour
	}
	return 0
}

// Point is a dated figure.
type Point struct {
	At     Date    `yaml:"at"`
	Value  float64 `yaml:"value"`
	Source string  `yaml:"source"`
}

// Mix is shares at a time, relative to their sum. Between two dates they go straight from one to the other.
type Mix struct {
	At     Date               `yaml:"at"`
	Shares map[string]float64 `yaml:"shares"`
	Source string             `yaml:"source"`
}

// Unknown is the name in a mix for what is not known.
const Unknown = "unknown"

// ReferencePoints are outside figures, given here or in a table with the columns entity, at and value.
type ReferencePoints struct {
	Entity string  `yaml:"entity"`
	Metric string  `yaml:"metric"`
	Unit   string  `yaml:"unit"`
	Points []Point `yaml:"points"`
	File   string  `yaml:"file"`
	Source string  `yaml:"source"` // Of all rows of the file.
	Scale  float64 `yaml:"scale"`  // What the values of the file are multiplied by. Default 1.
}

// Releases are models that came out, in a table with the columns at, model, organization, country, weights (open, closed
// or unknown), license and source.
type Releases struct {
	File string `yaml:"file"`
}

// Workload is a simulated product at work: all types of events, many customers, and records that are repeated, late or
// unreadable. Customers are tenants named after the scenario: "diurnal/amber-analytics".
type Workload struct {
	Start   Date   `yaml:"start"`
	Hours   int    `yaml:"hours"`
	Records int    `yaml:"records"` // Repeated and poison ones included.
	Users   int    `yaml:"users"`
	Source  string `yaml:"source"`
	// Tenants is a table with the column share, the busiest first; Models one with model, provider and share.
	Tenants string `yaml:"tenants"`
	Models  string `yaml:"models"`
	// Shares of all events.
	Duplicates float64 `yaml:"duplicates"`
	Conflicts  float64 `yaml:"conflicts"`
	Late       float64 `yaml:"late"`
	OutOfOrder float64 `yaml:"out_of_order"`
	Poison     float64 `yaml:"poison"`
}

// The classes of an expectation.
const (
	ClassChecked      = "checked"      // A public figure measured from stored events: OK or MISS.
	ClassIllustrative = "illustrative" // The path between the reported ends is ours: shown, never a check.
	ClassUnconfirmed  = "unconfirmed"  // No public page has the figure: shown, never a check.
)

// Expectation is a figure to be measured from the views and rollups of the database.
type Expectation struct {
	ID   string `yaml:"id"`
	What string `yaml:"what"` // For people: "years until 365 billion searches a year, ChatGPT".
	Unit string `yaml:"unit"`
	// SQL returns one number or, with a Series, rows of the columns that it is counted by and a number.
	SQL       string  `yaml:"sql"`
	Expected  float64 `yaml:"expected"`
	Tolerance float64 `yaml:"tolerance"` // Either side, in the unit.
	AtLeast   bool    `yaml:"at_least"`  // More is right too.
	Series    *Series `yaml:"series"`
	// Absent says why there may be nothing to measure though all is stored, and the remedy. The verdict is unconfirmed then.
	Absent string `yaml:"absent"`
	Class  string `yaml:"class"`
	Source string `yaml:"source"`
}

// Series is the rows of a table counted by columns; "year" is the year of the column at. A row counts where every column
// of Where has the value given.
type Series struct {
	File  string            `yaml:"file"`
	By    []string          `yaml:"by"`
	Where map[string]string `yaml:"where"`
}
