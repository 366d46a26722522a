package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

// standardStream is the name of standard input or output.
const standardStream = "-"

// addOutputFlag adds the option that checkOutput judges.
func addOutputFlag(flags *pflag.FlagSet, output *string) {
	flags.StringVarP(output, "output", "o", "", "output format; json for programs (default: text for people)")
}

func checkOutput(output string) error {
	if output == "" || output == "json" {
		return nil
	}
	return &usageError{problem: fmt.Sprintf("unknown output format %q", output), hint: "The only one is 'json'."}
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
