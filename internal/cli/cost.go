package cli

type costCmd struct {
	Reconcile costReconcileCmd `cmd:"" help:"Compare our cost and tokens with what providers and gateways say."`
}
