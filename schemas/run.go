package schemas

// RunHeader is the Kafka record header that names the run of a record.
const RunHeader = "tidemark-run"
