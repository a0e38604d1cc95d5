package otlp

// ErrType is errType for tests.
var ErrType = errType
