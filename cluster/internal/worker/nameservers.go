package worker

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"time"

	"kedge/internal/argv"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// findResolvConf is the file with the machine's own name servers. Where systemd
// resolves, the usual one leads to systemd, which pods cannot reach.
func findResolvConf() string {
	const usual, resolved = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"
	if _, err := os.Stat(resolved); err == nil {
		return resolved
	}
	return usual
}

// readNameServers are those that a file names and others could reach.
func readNameServers(file string) []string {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if address, err := netip.ParseAddr(words[1]); err == nil {
			found = append(found, address.String())
		}
	}
	return found
}

// nameServers follows the machine's own: a network that comes later, or another
// one, brings others.
func (w *Worker) nameServers() *role.Task {
	return role.NewTask(nameServers, func(ctx context.Context) error {
		n := w.current()
		every(ctx, watchPeriod, func() {
			n.NameServers = readNameServers(n.ResolvConf)
			if err := w.updateCorefile(n); err != nil {
				role.LogOf(w.Log, nameServers).Error("DNS cannot be told of the machine's name servers", "error", err)
			}
		})
		return nil
	})
}

func (w *Worker) updateCorefile(n argv.Node) error {
	wanted, err := argv.Corefile(n, w.Layout)
	if err != nil {
		return err
	}
	was, err := os.ReadFile(w.Layout.Corefile())
	if err == nil && string(was) == string(wanted) {
		return nil
	}
	return wholefile.Write(w.Layout.Corefile(), wanted, 0o600)
}

// watchPeriod lies between two looks at files that others change.
const watchPeriod = 2 * time.Second

func every(ctx context.Context, period time.Duration, do func()) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
