package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"kedge/internal/payload"
)

// payloadOptions are the flags of the payload commands.
type payloadOptions struct {
	file    string // another executable than the running one
	dataDir string
	to      string
	output  string
}

func newPayload(env Env) *cobra.Command {
	options := &payloadOptions{}
	cmd := &cobra.Command{
		Use:   "payload",
		Short: "Look at the helpers that this file carries, unpack them, remove old ones",
		Long: `kedge carries its helpers (runc, the shim, the CNI plugins, nft) in its own file.
It unpacks them into the data directory when it starts a worker. These commands
are for looking at them, and for doing the same by hand.`,
		Example: `  kedge payload list
  kedge payload verify --file ./kedge-armv7
  kedge payload unpack --to ./helpers`,
		GroupID: groupCommands,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return &usageError{problem: fmt.Sprintf("unknown payload command %q", args[0]), hint: "See 'kedge payload --help'."}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPayloadList(env, options), newPayloadVerify(env, options), newPayloadUnpack(env, options), newPayloadPrune(env, options))
	return cmd
}

func newPayloadList(env Env, options *payloadOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "Print what the file carries",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if err := checkOutput(options.output); err != nil {
				return err
			}
			return options.list(env)
		},
	}
	addFile(cmd, options)
	addOutputFlag(cmd.Flags(), &options.output)
	return cmd
}

func newPayloadVerify(env Env, options *payloadOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare everything in the file, and what is unpacked, with its digests",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return options.with(env, func(ctx context.Context, p *payload.Payload) error {
				return options.verify(ctx, env.Stdout, p, cmd.Flags().Changed("data-dir"))
			})
		},
	}
	addFile(cmd, options)
	addDataDir(cmd, options)
	return cmd
}

func newPayloadUnpack(env Env, options *payloadOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "unpack", Short: "Unpack the helpers, or repair them where they are unpacked",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if options.to != "" && cmd.Flags().Changed("data-dir") {
				return &usageError{problem: "--to and --data-dir exclude each other", hint: "See 'kedge payload unpack --help'."}
			}
			return options.with(env, func(ctx context.Context, p *payload.Payload) error {
				return options.unpack(ctx, env.Stdout, p)
			})
		},
	}
	addFile(cmd, options)
	addDataDir(cmd, options)
	cmd.Flags().StringVar(&options.to, "to", "", "a new directory for the helpers themselves, of any architecture")
	return cmd
}

func newPayloadPrune(env Env, options *payloadOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove unpacked helpers of other versions that no process uses",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			return options.with(env, func(ctx context.Context, p *payload.Payload) error {
				return options.prune(ctx, env.Stdout, p)
			})
		},
	}
	addDataDir(cmd, options)
	return cmd
}

func addFile(cmd *cobra.Command, options *payloadOptions) {
	cmd.Flags().StringVar(&options.file, "file", "", "a kedge file of any architecture (default: the one that runs)")
}

func addDataDir(cmd *cobra.Command, options *payloadOptions) {
	cmd.Flags().StringVar(&options.dataDir, "data-dir", payload.DefaultDataDir, "the data directory; helpers lie in its subdirectory helpers")
}

// exactly wants these arguments, and no others.
func exactly(what ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(what) {
			return nil
		}
		return &usageError{problem: "these are needed, and nothing else: " + strings.Join(what, " "), hint: fmt.Sprintf("See '%s --help'.", cmd.CommandPath())}
	}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{
		problem: fmt.Sprintf("%s takes no argument, got %q", cmd.Name(), args[0]),
		hint:    fmt.Sprintf("See '%s --help'.", cmd.CommandPath()),
	}
}

func (o *payloadOptions) open(env Env) (*payload.Payload, error) {
	log := payload.WithLogger(slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if o.file != "" {
		return payload.Open(o.file, log)
	}
	return payload.OpenRunning(log)
}

// with runs do on the payload. The first signal to stop cancels it, so that
// nothing half-made is left.
func (o *payloadOptions) with(env Env, do func(context.Context, *payload.Payload) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	p, err := o.open(env)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, p), p.Close())
}

func (o *payloadOptions) verify(ctx context.Context, out io.Writer, p *payload.Payload, mustBeUnpacked bool) error {
	if err := p.Verify(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d files are as they should be\n", p.Path(), len(p.Index().Files))
	wrong, err := p.VerifyUnpacked(ctx, o.dataDir)
	if errors.Is(err, payload.Unknown) && !mustBeUnpacked {
		fmt.Fprintf(out, "%s: nothing of this version is unpacked there\n", o.dataDir)
		return nil
	}
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s: the unpacked helpers are damaged:\n  %s\n'kedge payload unpack' repairs them", o.dataDir, strings.Join(wrong, "\n  "))
	}
	fmt.Fprintf(out, "%s: the unpacked helpers are as they should be\n", o.dataDir)
	return nil
}

func (o *payloadOptions) unpack(ctx context.Context, out io.Writer, p *payload.Payload) error {
	if o.to != "" {
		if err := p.ExtractTo(ctx, o.to); err != nil {
			return err
		}
		fmt.Fprintln(out, o.to)
		return nil
	}
	dir, err := p.Repair(ctx, o.dataDir)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, dir.Root())
	return dir.Close()
}

func (o *payloadOptions) prune(ctx context.Context, out io.Writer, p *payload.Payload) error {
	pruned, err := p.Prune(ctx, o.dataDir)
	for _, path := range pruned.Removed {
		fmt.Fprintln(out, "removed", path)
	}
	for _, kept := range pruned.Kept {
		fmt.Fprintf(out, "kept    %s: %s\n", kept.Path, kept.Reason)
	}
	return err
}

func (o *payloadOptions) list(env Env) error {
	p, err := o.open(env)
	if errors.Is(err, payload.Absent) {
		return o.write(env.Stdout, payloadReport{File: absentPath(err), State: "absent", Versions: map[string]string{}, Files: []payloadFile{}})
	}
	if err != nil {
		return err
	}
	return errors.Join(o.write(env.Stdout, newPayloadReport(p)), p.Close())
}

func absentPath(err error) string {
	var absent *payload.Error
	if errors.As(err, &absent) {
		return absent.Path
	}
	return ""
}

func (o *payloadOptions) write(out io.Writer, report payloadReport) error {
	if o.output == "json" {
		return writeJSON(out, report)
	}
	return report.writeText(out)
}

// sortedKeys are the names of a table in the order in which people look for them.
func sortedKeys(table map[string]string) []string { return slices.Sorted(maps.Keys(table)) }
