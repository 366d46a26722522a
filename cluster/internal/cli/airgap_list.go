//go:build !without_worker

package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kedge/internal/airgap"
)

func newAirgapList(env Env) *cobra.Command {
	options := &payloadOptions{}
	cmd := &cobra.Command{
		Use:   "list [BUNDLE...]",
		Short: "Print the images of bundles",
		Long: `kedge airgap list prints the images of bundles, by what their indexes say; import
proves them. Without a BUNDLE it is the one that kedge's own file carries.`,
		Example: "  kedge airgap list kedge-airgap-armv7.tar",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			bundles, err := openBundles(options.file, args)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, airgap.CloseAll(bundles)) }()
			table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
			for _, bundle := range bundles {
				images, err := airgap.List(background(cmd), bundle)
				if err != nil {
					return err
				}
				for _, image := range images {
					fmt.Fprintf(table, "%s\t%s\n", image.Reference, image.Digest)
				}
			}
			return table.Flush()
		},
	}
	addFile(cmd, options)
	return cmd
}

// openBundles opens the bundles in the files at paths; without paths, the one
// that a kedge file carries, the running one's where file is empty.
func openBundles(file string, paths []string) ([]*airgap.Bundle, error) {
	if len(paths) > 0 {
		return airgap.OpenAll(paths)
	}
	bundle, ok, err := airgap.OpenEmbedded(file)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &usageError{problem: "no bundle is named, and kedge's own file carries none", hint: "Name bundles: kedge-airgap-ARCH.tar."}
	}
	return []*airgap.Bundle{bundle}, nil
}
