//go:build !without_worker

package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"kedge/internal/airgap"
	"kedge/internal/imagestore"
)

func airgapWorkerCommands(env Env) []*cobra.Command {
	return []*cobra.Command{newAirgapImport(env), newAirgapList(env)}
}

// importOptions are the flags of `kedge airgap import`.
type importOptions struct {
	payload     payloadOptions
	directories directoryFlags
	config      string
	socket      string
	publicKey   string
}

func newAirgapImport(env Env) *cobra.Command {
	options := &importOptions{}
	cmd := &cobra.Command{
		Use:   "import [BUNDLE...]",
		Short: "Prove bundles of images, and give them to containerd",
		Long: `kedge airgap import reads bundles to their last byte: every blob and digest, the
architecture of images and of the executables in them, and that system images are
those of this release. Only when everything is in order does containerd get the
images, pinned. Importing again changes nothing.

Without a BUNDLE it is the one that kedge's own file carries, if it carries one.

With --minisign-public-key, every bundle needs the signature of that key beside it,
in BUNDLE.minisig, and a bundle without one is not looked into.`,
		Example: "  kedge airgap import kedge-airgap-armv7.tar applications.tar",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(background(cmd), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return options.run(ctx, env, args)
		},
	}
	options.directories.add(cmd.Flags())
	addConfig(cmd.Flags(), &options.config)
	addFile(cmd, &options.payload)
	cmd.Flags().StringVar(&options.publicKey, "minisign-public-key", "", "file with the public key whose signature each bundle must have")
	cmd.Flags().StringVar(&options.socket, "containerd-socket", "", "where containerd listens (default: containerd.sock in the run directory)")
	return cmd
}

func (o *importOptions) run(ctx context.Context, env Env, paths []string) (err error) {
	if len(paths) == 0 && o.publicKey != "" {
		return &usageError{
			problem: "--minisign-public-key needs a bundle in a file of its own",
			hint:    "What kedge's own file carries has no signature; 'minisign -V' verifies that file as a whole.",
		}
	}
	store, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	wanted, err := o.wanted(ctx, env, store)
	if err != nil {
		return err
	}
	bundles, err := openBundles(o.payload.file, paths)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, airgap.CloseAll(bundles)) }()
	if o.publicKey != "" {
		if err := airgap.RequireSigned(ctx, bundles, o.publicKey); err != nil {
			return err
		}
	}
	found, err := airgap.Verify(ctx, bundles, wanted)
	if err != nil {
		return err
	}
	for _, bundle := range bundles {
		if err := store.Import(ctx, bundle.Reader()); err != nil {
			return fmt.Errorf("import %s: %w\nimport it again when the cause is gone; what is there already is not written twice", bundle.Name, err)
		}
	}
	for _, image := range found {
		fmt.Fprintln(env.Stdout, image.Reference)
	}
	return nil
}

func (o *importOptions) open(ctx context.Context) (*imagestore.Store, error) {
	socket := o.socket
	if socket == "" {
		places, err := o.directories.layout()
		if err != nil {
			return nil, err
		}
		socket = places.ContainerdSocket()
	}
	return imagestore.Open(ctx, socket)
}

// wanted says what bundles must agree with: the images of this release, except
// those in whose place the configuration names others, and all that containerd
// does not have yet.
func (o *importOptions) wanted(ctx context.Context, env Env, store *imagestore.Store) (airgap.Wanted, error) {
	cluster, err := loadConfig(o.config)
	if err != nil {
		return airgap.Wanted{}, err
	}
	needed, err := pause(env, &o.payload, cluster.Spec.Images)
	if err != nil {
		return airgap.Wanted{}, err
	}
	release, err := released(env, &o.payload)
	if err != nil {
		return airgap.Wanted{}, err
	}
	wanted := airgap.Wanted{Arch: release.Arch, Bound: release.Digests()}
	if cluster.Spec.Images.Pause.Image != "" {
		delete(wanted.Bound, needed)
	}
	there, err := store.Has(ctx, needed)
	if err != nil {
		return airgap.Wanted{}, fmt.Errorf("ask containerd for %s: %w", needed, err)
	}
	if !there {
		wanted.Needed = []string{needed}
	}
	return wanted, nil
}
