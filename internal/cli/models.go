package cli

import (
	"context"
	"errors"

	"tidemark/internal/app"
	"tidemark/schemas/catalog"
)

type modelsCmd struct {
	Import modelsImportCmd `cmd:"" help:"Import models from a CSV file into the catalog."`
	List   modelsListCmd   `cmd:"" help:"List the catalog, one line per model."`
	Export modelsExportCmd `cmd:"" help:"Write the catalog as a CSV file that import reads."`
}

// modelsOf returns the catalog of a namespace.
func modelsOf(ctx context.Context, common commonFlags, ch clickhouseFlags) (models []catalog.Model, err error) {
	if err := invalid(common.validate(), ch.validate()); err != nil {
		return nil, err
	}
	db, err := ch.open(common.Namespace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := app.CheckSchema(ctx, db); err != nil {
		return nil, err
	}
	return app.ReadModels(ctx, db)
}
