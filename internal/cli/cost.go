package cli

type costCmd struct {
	Report    costReportCmd    `cmd:"" help:"Show what calls cost, by model, tenant, product, provider, class of tokens or day."`
	Export    costExportCmd    `cmd:"" help:"Write what a month cost as a FOCUS 1.2 file, in CSV or Parquet."`
	Reconcile costReconcileCmd `cmd:"" help:"Compare our cost and tokens with what providers and gateways say."`
}
