package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tidemark/schemas"
)

// commonFlags are the flags of every command that works on one namespace.
type commonFlags struct {
	Namespace string `help:"The isolated pipeline to work on. It names the database, the consumer group, and the prefix of the topics." default:"tidemark" placeholder:"NAME"`
	LogLevel  string `help:"Log level: debug, info, warn, error." default:"info" placeholder:"LEVEL"`
	LogFormat string `help:"Log format: console or json." default:"console" placeholder:"FORMAT"`
}

// namespaceGiven reports whether a command line or the environment names the namespace, which the value does not show: it has a default.
func namespaceGiven(line *kong.Context) bool {
	if _, set := os.LookupEnv("TIDEMARK_NAMESPACE"); set {
		return true
	}
	for _, at := range line.Path {
		if at.Flag != nil && at.Flag.Name == "namespace" {
			return true
		}
	}
	return false
}

func (c commonFlags) validate() error {
	var errs []error
	if err := schemas.ValidNamespace(c.Namespace); err != nil {
		errs = append(errs, fmt.Errorf("--namespace: %w", err))
	}
	if _, err := zapcore.ParseLevel(c.LogLevel); err != nil {
		errs = append(errs, fmt.Errorf("--log-level: %q is not debug, info, warn or error", c.LogLevel))
	}
	if c.LogFormat != "console" && c.LogFormat != "json" {
		errs = append(errs, fmt.Errorf("--log-format: %q is not console or json", c.LogFormat))
	}
	return errors.Join(errs...)
}

// logger returns a logger that writes to standard error: standard output has the results of the command.
func (c commonFlags) logger(s Streams) *zap.Logger {
	level, err := zapcore.ParseLevel(c.LogLevel)
	if err != nil {
		level = zapcore.InfoLevel
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339TimeEncoder
	var encoder zapcore.Encoder
	if c.LogFormat == "json" {
		encoder = zapcore.NewJSONEncoder(encoding)
	} else {
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(s.Err)), level))
}
