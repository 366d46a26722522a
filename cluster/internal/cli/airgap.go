package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/config"
	"kedge/internal/images"
	"kedge/internal/payload"
)

func newAirgap(env Env) *cobra.Command {
	return group("airgap", "Prepare machines without a network", append(airgapWorkerCommands(env), newAirgapListImages(env))...)
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
			chosen, err := loadConfig(file)
			if err != nil {
				return err
			}
			reference, err := pause(env, options, chosen.Spec.Images)
			if err == nil {
				_, err = fmt.Fprintln(env.Stdout, reference)
			}
			return err
		},
	}
	addFile(cmd, options)
	addConfig(cmd.Flags(), &file)
	return cmd
}

func addConfig(flags *pflag.FlagSet, file *string) {
	flags.StringVarP(file, "config", "c", "", "file with a ClusterConfig, - for standard input (default: built-in defaults)")
}

// loadConfig reads a file with a ClusterConfig; without one the defaults hold.
func loadConfig(file string) (config.ClusterConfig, error) {
	if file == "" {
		return config.Default(), nil
	}
	return config.Load(file)
}

// pause is the reference of the only image. A configuration that names one does
// not need the release's.
func pause(env Env, options *payloadOptions, chosen config.Images) (string, error) {
	if chosen.Pause.Image != "" {
		return chosen.PauseReference(""), nil
	}
	release, err := released(env, options)
	if err != nil {
		return "", err
	}
	image, known := release.Image("pause")
	if !known {
		return "", errors.New("this kedge was released without the image pause; name one in spec.images.pause")
	}
	return chosen.PauseReference(image.Reference), nil
}

// released is the list of images in the payload.
func released(env Env, options *payloadOptions) (release images.Release, err error) {
	err = options.with(env, func(ctx context.Context, p *payload.Payload) error {
		raw, err := p.Content(ctx, images.File)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("this kedge was released without images; name one in spec.images.pause")
		}
		if err == nil {
			release, err = images.Parse(raw)
		}
		return err
	})
	return release, err
}
