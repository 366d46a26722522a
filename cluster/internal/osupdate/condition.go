package osupdate

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kedge/internal/status"
)

// Condition is how a device is. After an update, nothing of it may be worse.
type Condition struct {
	// Kedge is the role that runs; empty: none. Contact is its controller's answer.
	Kedge   string `json:"kedge,omitempty"`
	Ready   bool   `json:"ready,omitempty"`
	Contact bool   `json:"contact,omitempty"`
	// Problem is why it is not ready.
	Problem string `json:"-"`
	// Failed are units, Settled says that the system has started all of them.
	Failed  []string `json:"failed,omitempty"`
	Settled bool     `json:"-"`
	// Links have a hardware address each, and routes are those to everywhere.
	Links  []Link   `json:"links,omitempty"`
	Routes []string `json:"routes,omitempty"`
}

// Link is an interface of this machine's own that is up, whatever a kernel calls it.
type Link struct {
	Hardware string `json:"hardware"`
	// Families are those of its addresses that others reach: IPv4, IPv6.
	Families []string `json:"families"`
}

const (
	ipv4 = "IPv4"
	ipv6 = "IPv6"
)

// worse tells everything that is worse than it was before, for people.
func (c Condition) worse(before Condition) []string {
	var problems []string
	switch {
	case before.Kedge == "":
	case c.Kedge == "":
		problems = append(problems, fmt.Sprintf("kedge %s does not run", before.Kedge))
	case before.Ready && !c.Ready:
		problems = append(problems, fmt.Sprintf("kedge %s is not ready%s", c.Kedge, c.Problem))
	case before.Contact && !c.Contact:
		problems = append(problems, "kedge does not reach its controller")
	}
	if !c.Settled {
		problems = append(problems, "the system has not started all of its units")
	}
	for _, unit := range c.Failed {
		if !slices.Contains(before.Failed, unit) {
			problems = append(problems, unit+" failed")
		}
	}
	for _, link := range before.Links {
		problems = append(problems, c.missing(link)...)
	}
	for _, family := range before.Routes {
		if !slices.Contains(c.Routes, family) {
			problems = append(problems, "there is no default route for "+family)
		}
	}
	return problems
}

// missing is what a link had, and has no more.
func (c Condition) missing(before Link) []string {
	at := slices.IndexFunc(c.Links, func(now Link) bool { return now.Hardware == before.Hardware })
	if at < 0 {
		return []string{"the network interface " + before.Hardware + " is not up"}
	}
	var problems []string
	for _, family := range before.Families {
		if !slices.Contains(c.Links[at].Families, family) {
			problems = append(problems, "the network interface "+before.Hardware+" has no address of "+family)
		}
	}
	return problems
}

// lookWithin bounds what is asked of others.
const lookWithin = 30 * time.Second

// look finds out how this device is. What cannot be found out counts as bad.
func look(ctx context.Context, socket string) Condition {
	ctx, stop := context.WithTimeout(ctx, lookWithin)
	defer stop()
	var found Condition
	if report, err := status.Ask(ctx, socket); err == nil {
		found.Kedge, found.Ready = report.Role, report.Ready
		found.Contact = report.Node != nil && (report.Node.Direct || report.Node.Contact)
		for _, part := range report.Components {
			if part.Problem != "" {
				found.Problem += fmt.Sprintf("; %s: %s", part.Name, part.Problem)
			}
		}
	}
	found.Failed, found.Settled = units(ctx)
	found.Links = links()
	found.Routes = routes("/proc/net")
	return found
}

// units asks the system manager which have failed, and whether the others have started.
func units(ctx context.Context) (failed []string, settled bool) {
	output, err := exec.CommandContext(ctx, "systemctl", "list-units", "--failed", "--no-legend", "--plain").Output()
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(output)) {
		if words := strings.Fields(line); len(words) > 0 {
			failed = append(failed, words[0])
		}
	}
	return failed, exec.CommandContext(ctx, "systemctl", "--quiet", "is-active", "multi-user.target").Run() == nil
}

func links() []Link {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []Link
	for _, each := range interfaces {
		// Bridges, tunnels and ends of pods have no device.
		if _, err := os.Stat(filepath.Join("/sys/class/net", each.Name, "device")); err != nil || each.Flags&net.FlagRunning == 0 {
			continue
		}
		addresses, err := each.Addrs()
		if err == nil {
			found = append(found, Link{Hardware: each.HardwareAddr.String(), Families: families(addresses)})
		}
	}
	return found
}

func families(addresses []net.Addr) []string {
	var found []string
	for _, address := range addresses {
		network, is := address.(*net.IPNet)
		if !is || !network.IP.IsGlobalUnicast() {
			continue
		}
		family := ipv6
		if network.IP.To4() != nil {
			family = ipv4
		}
		if !slices.Contains(found, family) {
			found = append(found, family)
		}
	}
	slices.Sort(found)
	return found
}

// routes tells for which families there is a way to everywhere: proc_net(5).
func routes(proc string) []string {
	var found []string
	for _, table := range []struct {
		file, family         string
		destination, gateway int
	}{{"route", ipv4, 1, 2}, {"ipv6_route", ipv6, 0, 4}} {
		content, _ := os.ReadFile(filepath.Join(proc, table.file)) // a kernel without it has no such route
		for line := range strings.Lines(string(content)) {
			words := strings.Fields(line)
			if len(words) > table.gateway && strings.Trim(words[table.destination], "0") == "" && strings.Trim(words[table.gateway], "0") != "" {
				found = append(found, table.family)
				break
			}
		}
	}
	return found
}
