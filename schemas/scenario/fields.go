package scenario

// Names of things in a scenario.
const (
	namePattern  = `^[a-z][a-z0-9-]{0,39}$`
	nameRemedy   = "write a lower-case letter, then lower-case letters, digits and dashes, 40 at most"
	modelRemedy  = "write a model's name, up to 200 characters on a line"
	modelPattern = `^[^\x00-\x1F]{1,200}$`
)

const (
	maxValue = 1e15 // Of a figure.
	maxScale = 1e12 // Real events or users a record stands for.
	maxCount = 5e6  // Records of a scenario.
)

func name() *shape { return matching(namePattern, nameRemedy) }

func csvFile() *shape {
	return matching(`^[a-z][a-z0-9_-]*\.csv$`, "name a CSV file beside the scenario: releases.csv")
}

// document is the shape of a scenario file.
var document = object(
	must("id", "the scenario's name, and the tenant of its events", name()),
	must("title", "a few words", text(80)),
	must("description", "what was reported, and what of it is replayed", longText()),
	must("seed", "a whole number that users are derived from", integer(1, 1<<53)),
	may("grain", "day (default) or minute: what times are placed on", oneOf(string(Day), string(Minute))),
	must("sources", "where the figures come from, by name", mapOf(namePattern, nameRemedy, sourceShape)),
	may("streams", "events along curves", list(streamShape, 1)),
	may("reference_points", "outside figures, emitted as reference points", list(referenceShape, 1)),
	may("releases", "tables of models that came out", list(object(must("file", "the table", csvFile())), 1)),
	may("workload", "a simulated product at work, instead of streams", workloadShape),
	must("expectations", "what has to be measured from stored events", list(expectationShape, 1)),
)

var sourceShape = object(
	must("name", "who published the figure, and where", text(200)),
	may("url", "the page", matching(`^https?://[^\s]{3,400}$`, "write an address that begins with https://")),
	may("citation", "where there is no page: a title, a file, a reason", text(300)),
	must("license", "under which terms the figure is here", text(100)),
	must("confidence", "A recomputed from open data, B published, C one secondary page, X unconfirmed, or illustrative",
		oneOf(string(Recomputed), string(Published), string(Secondary), string(Unconfirmed), string(Illustrative))),
)

var pointShape = object(
	must("at", "the date", date()),
	must("value", "the figure, above 0", above(0, maxValue)),
	must("source", "the name of one of the sources", name()),
)

var curveShape = object(
	must("measure", "events, tokens, users or total", oneOf(Events, TokensPer, Users, Total)),
	may("per", "the time that a value is for; not of totals", oneOf("minute", "hour", "day", "week", "year")),
	must("unit", "of the values, for people", text(60)),
	may("interpolation", "geometric (default) or linear between the points", oneOf("geometric", "linear")),
	must("points", "dated figures, ascending", list(pointShape, 2)),
)

func mixes(key, remedy string) *shape {
	return list(object(
		must("at", "from when on", date()),
		must("shares", "by name, relative to their sum", mapOf(key, remedy, number(0, 1e6))),
		must("source", "the name of one of the sources", name()),
	), 1)
}

var streamShape = object(
	must("id", "a name, part of the events' identity", name()),
	must("type", "what the events are", oneOf(Query, Signup, TokenCall, Release, Download, Derivative)),
	may("product", "the product used", text(100)),
	may("kind", "of queries: search, prompt", text(100)),
	may("channel", "of sign-ups: web, sales", text(100)),
	may("model", "the model; of releases and derivatives how its name begins", matching(modelPattern, modelRemedy)),
	may("base_model", "of derivatives: the model they derive from", matching(modelPattern, modelRemedy)),
	may("organization", "who makes the models", text(100)),
	may("hub", "where it happened: huggingface, modelscope", text(100)),
	may("providers", "who sells the calls, by model", mapOf(modelPattern, modelRemedy, text(100))),
	may("tokens", "of one call", object(
		must("input", "tokens that no cache held", integer(0, 1e9)),
		may("cached", "tokens read from a cache", integer(0, 1e9)),
		must("output", "tokens of the answer", integer(1, 1e9)),
		must("source", "the name of one of the sources", name()),
	)),
	must("curve", "how much of it, over time", curveShape),
	may("weight", "how many real events a record stands for", integer(1, maxScale)),
	may("records", "how many records stand for the whole curve", integer(1, maxCount)),
	may("user_weight", "how many real users a user stands for", integer(1, maxScale)),
	may("events_per_user", "events of a real user a week, of a curve of users", integer(1, 1e6)),
	may("users", "how many users the records are spread over", integer(1, 1e9)),
	may("countries", "shares of countries over time", mixes(`^([A-Z]{2}|unknown)$`, "write a country's code of two capitals (ISO 3166), or unknown")),
	may("segments", "shares of segments over time", mixes(`^(consumer|developer|enterprise|government|unknown)$`,
		"write consumer, developer, enterprise, government or unknown")),
	may("models", "shares of models over time", mixes(modelPattern, modelRemedy)),
)

var referenceShape = object(
	may("entity", "what the figures are about; of a table it is a column", text(200)),
	must("metric", "what was counted", matching(`^[a-z][a-z0-9_]{0,59}$`, "write a name like weekly_active_users")),
	must("unit", "of the values", text(60)),
	may("points", "dated figures", list(object(
		must("at", "the date", date()),
		must("value", "the figure", number(-maxValue, 1e30)),
		must("source", "the name of one of the sources", name()),
	), 1)),
	may("file", "a table with the columns entity, at and value instead of points", csvFile()),
	may("source", "of all rows of the table", name()),
	may("scale", "what the values of the table are multiplied by", above(0, 1e12)),
)

func share() *shape { return number(0, 0.5) }

var workloadShape = object(
	must("start", "when it begins", date()),
	must("hours", "how long it is", integer(1, 24*366)),
	must("records", "how many records, repeated and poison ones included", integer(1, maxCount)),
	must("users", "how many users, about", integer(1, 1e9)),
	must("source", "the name of the source of its tables", name()),
	must("tenants", "a table with the column share, the busiest customer first", csvFile()),
	must("models", "a table with the columns model, provider and share", csvFile()),
	may("duplicates", "share of events repeated", share()),
	may("conflicts", "share of events repeated with another time", share()),
	may("late", "share of events that are hours or days late", share()),
	may("out_of_order", "share of events that are seconds out of order", share()),
	may("poison", "share of records that no consumer accepts", share()),
)

var expectationShape = object(
	must("id", "a name", name()),
	must("what", "what is measured, for people", text(200)),
	must("unit", "of the figure", text(60)),
	must("sql", "a query on views or rollups that returns one number", longText()),
	may("expected", "the figure reported", number(-maxValue, maxValue)),
	may("tolerance", "how far off it may be, either side", number(0, maxValue)),
	may("at_least", "true where more is right too", boolean()),
	may("series", "a count over a table to compare rows with, instead of a figure", object(
		must("file", "the table", csvFile()),
		must("by", "the columns that rows are counted by; year is that of the column at", list(text(60), 1)),
		may("where", "values that a row must have to count", mapOf(`^[a-z_]+$`, "name a column of the table", text(200))),
	)),
	may("absent", "why there may be nothing to measure, and the remedy; then it is unconfirmed, not a MISS", text(200)),
	must("class", "checked, or drawn and labeled only", oneOf(ClassChecked, ClassIllustrative, ClassUnconfirmed)),
	must("source", "the name of one of the sources", name()),
)
