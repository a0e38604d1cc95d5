package cli

import "github.com/alecthomas/kong"

// defaultsOf returns flags with the defaults of the command line. It ignores the environment.
func defaultsOf[F any]() (F, error) {
	var flags F
	parser, err := kong.New(&flags)
	if err != nil {
		return flags, err
	}
	_, err = parser.Parse(nil)
	return flags, err
}
