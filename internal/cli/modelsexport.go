package cli

import (
	"context"

	"tidemark/schemas/catalog"
)

type modelsExportCmd struct {
	commonFlags
	clickhouseFlags
}

// Example implements exampler.
func (modelsExportCmd) Example() string { return "tidemark models export > my-models.csv" }

// Run exports.
func (c *modelsExportCmd) Run(ctx context.Context, s Streams) error {
	models, err := modelsOf(ctx, c.commonFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	return catalog.Write(s.Out, models)
}
