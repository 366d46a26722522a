package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"kedge/internal/config"
	"kedge/internal/images"
	"kedge/internal/payload"
)

func newAirgap(env Env) *cobra.Command {
	return group("airgap", "Prepare machines without a network", newAirgapListImages(env))
}

func newAirgapListImages(env Env) *cobra.Command {
	var file string
	options := &payloadOptions{}
	cmd := &cobra.Command{
		Use:   "list-images",
		Short: "Print the images that a cluster needs before anything of yours runs",
		Long: `kedge airgap list-images prints the images that every worker needs. There is one,
pause: all else that a cluster needs is in kedge itself.`,
		Example: "  kedge airgap list-images --config cluster.yaml",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			chosen := config.Default()
			if file != "" {
				var err error
				if chosen, err = config.Load(file); err != nil {
					return err
				}
			}
			reference, err := pause(env, options, chosen.Spec.Images)
			if err == nil {
				_, err = fmt.Fprintln(env.Stdout, reference)
			}
			return err
		},
	}
	addFile(cmd, options)
	cmd.Flags().StringVarP(&file, "config", "c", "", "file with a ClusterConfig, - for standard input (default: built-in defaults)")
	return cmd
}

// pause is the reference of the only image. A configuration that names one does
// not need the release's.
func pause(env Env, options *payloadOptions, chosen config.Images) (string, error) {
	if chosen.Pause.Image != "" {
		return chosen.PauseReference(""), nil
	}
	var released images.Image
	err := options.with(env, func(ctx context.Context, p *payload.Payload) error {
		raw, err := p.Content(ctx, images.File)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("this kedge was released without images; name one in spec.images.pause")
		}
		if err != nil {
			return err
		}
		release, err := images.Parse(raw)
		if err != nil {
			return err
		}
		var known bool
		if released, known = release.Image("pause"); !known {
			return errors.New("this kedge was released without the image pause; name one in spec.images.pause")
		}
		return nil
	})
	return chosen.PauseReference(released.Reference), err
}
