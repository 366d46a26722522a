//go:build !without_controller

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kedge/internal/binding"
	"kedge/internal/enrolment"
	"kedge/internal/layout"
	"kedge/internal/pending"
	"kedge/internal/revocation"
	"kedge/internal/status"
)

const fingerprintHint = "'kedge node list' shows who asks; the device's console and the status.txt on its card show its own."

// knownDevice is a line of the list.
type knownDevice struct {
	State       string    `json:"state"`
	Node        string    `json:"node,omitempty"`
	Fingerprint string    `json:"fingerprint"`
	Serial      string    `json:"serialNumber,omitempty"`
	MachineID   string    `json:"machineID"`
	Address     string    `json:"address,omitempty"`
	Since       time.Time `json:"since"`
	Reason      string    `json:"reason,omitempty"`
}

// devices are those who ask this controller and, if they are wanted, those who are nodes.
func devices(ctx context.Context, places layout.Layout, isAll bool) ([]knownDevice, error) {
	report, err := status.Ask(ctx, places.StatusSocket())
	if err != nil {
		return nil, err
	}
	found := make([]knownDevice, 0, len(report.Pending))
	for _, one := range report.Pending {
		state := enrolment.Pending
		if one.Refused != "" {
			state = enrolment.Refused
		}
		found = append(found, knownDevice{
			State: state, Fingerprint: one.Key, Serial: one.Serial, MachineID: one.MachineID, Address: one.Address, Since: one.Since, Reason: one.Refused,
		})
	}
	if !isAll {
		return found, nil
	}
	store, err := bindings(places)
	if err != nil {
		return nil, err
	}
	nodes, err := store.All(ctx)
	for _, one := range nodes {
		found = append(found, knownDevice{
			State: "node", Node: one.Node, Fingerprint: one.Key, Serial: one.Device.Serial, MachineID: one.Device.MachineID, Since: one.Bound,
		})
	}
	return found, err
}

func bindings(places layout.Layout) (binding.Store, error) {
	client, err := coreClient(places)
	return binding.Store{Core: client}, err
}

func newNodeList(env Env) *cobra.Command {
	var directories directoryFlags
	var output string
	var onlyPending bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Tell which devices ask to be approved, and which device each node is",
		Long: `kedge node list shows the devices that ask this controller to be approved, those
that it refuses, and which device each node is that enrolled. What a device says
of itself (serial number, machine-id) nobody has proven; the fingerprint is.`,
		Example: "  kedge node list --pending",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			places, err := directories.layout()
			if err != nil {
				return err
			}
			found, err := devices(background(cmd), places, !onlyPending)
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(env.Stdout, found)
			}
			return writeDevices(env.Stdout, found)
		},
	}
	directories.add(cmd.Flags())
	addOutputFlag(cmd.Flags(), &output)
	cmd.Flags().BoolVar(&onlyPending, "pending", false, "only devices that are no nodes")
	return cmd
}

func writeDevices(out io.Writer, found []knownDevice) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "STATE\tNODE\tFINGERPRINT\tSERIAL NUMBER\tMACHINE-ID\tADDRESS\tSINCE\tREASON\n")
	for _, one := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", one.State, one.Node, one.Fingerprint, one.Serial, one.MachineID, one.Address,
			one.Since.Format(time.RFC3339), one.Reason)
	}
	return table.Flush()
}

// chosen is the device with this fingerprint, or the only one whose fingerprint
// begins like that. One that does not ask must be named whole.
func chosen(ctx context.Context, places layout.Layout, text string) (pending.Device, error) {
	isWhole, err := enrolment.CheckFingerprint(text)
	if err != nil {
		return pending.Device{}, &usageError{problem: err.Error(), hint: fingerprintHint}
	}
	report, err := status.Ask(ctx, places.StatusSocket())
	if err != nil {
		return pending.Device{}, err
	}
	var found []pending.Device
	for _, one := range report.Pending {
		if strings.HasPrefix(one.Key, text) {
			found = append(found, one)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return pending.Device{}, errors.New("several devices have a fingerprint that begins like that: name the whole one")
	case isWhole:
		return pending.Device{Key: text}, nil
	}
	return pending.Device{}, errors.New("no device whose fingerprint begins like that asks here; name the whole fingerprint to decide beforehand")
}

func newNodeApprove(env Env) *cobra.Command {
	var directories directoryFlags
	var labels map[string]string
	var isReplacing bool
	cmd := &cobra.Command{
		Use:   "approve FINGERPRINT NAME",
		Short: "Let a device in, as the node NAME",
		Long: `kedge node approve makes the device with this fingerprint the node NAME. Compare
the fingerprint with the one that the device shows itself: that it asks proves
nothing. The first 16 digits are enough for a device that asks right now. A
device that has not asked yet can be approved by its whole fingerprint.`,
		Example: "  kedge node approve SHA256:3f9a20c54be0d1f2 field-7 --labels topology.kubernetes.io/zone=plant-7",
		Args:    exactly("FINGERPRINT", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			if err := checkNodeName(args[1]); err != nil {
				return err
			}
			device, err := chosen(background(cmd), places, args[0])
			if err != nil {
				return err
			}
			if err := approve(background(cmd), places, newBinding(device, args[1], labels), isReplacing); err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "%s is %s\n", args[1], device.Key)
			return err
		},
	}
	directories.add(cmd.Flags())
	cmd.Flags().StringToStringVar(&labels, "labels", nil, "labels of the node, when it registers")
	cmd.Flags().BoolVar(&isReplacing, "replace", false, "the device takes the place of another one that is this node; the Node is deleted")
	return cmd
}

// newBinding is by the operator's word, which has the key's fingerprint for its number.
func newBinding(device pending.Device, node string, labels map[string]string) binding.Binding {
	return binding.Binding{
		Node: node, Key: device.Key, Device: device.Describe(), Credential: device.Key, Made: time.Now().UTC().Truncate(time.Second), Labels: labels,
	}
}

// nodeName is what Kubernetes calls a name (RFC 1123).
var nodeName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func checkNodeName(name string) error {
	if nodeName.MatchString(name) && name != "localhost" {
		return nil
	}
	return &usageError{problem: fmt.Sprintf("%q cannot be a node's name", name), hint: "It takes up to 63 lower-case letters, digits and dashes, such as field-7."}
}

func approve(ctx context.Context, places layout.Layout, wanted binding.Binding, isReplacing bool) error {
	revoked, err := revocation.Read(places.Revoked())
	if err != nil {
		return err
	}
	if found, is := revoked.Find(wanted.Key); is {
		return fmt.Errorf("this device was revoked on %s as the node %s; its key is good for nothing any more: 'kedge reset' on the device makes another one", found.Revoked.Format(time.RFC3339), found.Node)
	}
	store, err := bindings(places)
	if err != nil {
		return err
	}
	err = store.Approve(ctx, wanted, isReplacing)
	if binding.IsRefused(err) && !isReplacing {
		return fmt.Errorf("%w; choose another name, or say --replace if it takes that one's place", err)
	}
	if err != nil {
		return err
	}
	return store.Forgive(ctx, wanted.Key)
}

func newNodeRefuse(env Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:   "refuse FINGERPRINT",
		Short: "Let a device never in, unless it is approved later",
		Long: `kedge node refuse keeps that the device with this fingerprint must not be a node;
the device is told. 'kedge node approve' takes that back. A device that is a node
already is revoked with 'builder cluster revoke'.`,
		Example: "  kedge node refuse SHA256:3f9a20c54be0d1f2",
		Args:    exactly("FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			device, err := chosen(background(cmd), places, args[0])
			if err != nil {
				return err
			}
			store, err := bindings(places)
			if err != nil {
				return err
			}
			if err := store.Refuse(background(cmd), device.Key, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "%s is refused\n", device.Key)
			return err
		},
	}
	directories.add(cmd.Flags())
	return cmd
}
