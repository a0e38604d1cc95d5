package cli

type scenariosCmd struct {
	List  scenariosListCmd  `cmd:"" help:"List the usage histories that can be replayed and measured."`
	Show  scenariosShowCmd  `cmd:"" help:"Show the events, the sources and the expectations of a scenario."`
	Check scenariosCheckCmd `cmd:"" help:"Compare stored events with what scenarios expect; exit 1 on a MISS."`
}
