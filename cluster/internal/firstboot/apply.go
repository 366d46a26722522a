package firstboot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"kedge/internal/nodeconfig"
)

// Apply makes the running system what config says. The role's unit waits for
// the last of its files, which says that all others are there. A node that has
// joined starts in spite of what fails: a full disk is emptied by kedge itself.
func (d Device) Apply(ctx context.Context, config nodeconfig.Config) Findings {
	var applied Findings
	// A wrong clock stops nothing that can be done without it.
	said, err := d.setClock(config)
	applied.note(err)
	if said != "" {
		applied.Notes = append(applied.Notes, said)
	}
	steps := []struct {
		what string
		do   func() error
	}{
		{"host name", func() error { return d.nameHost(config) }},
		{"network", func() error { return d.configureNetwork(config) }},
		{"time", func() error { return d.configureTime(config) }},
		{"ssh", func() error { return d.allowKeys(config) }},
		{"upgrades", func() error { return d.trustPublishers(config) }},
		{"files", func() error { return d.placeFiles(config) }},
		{"role", func() error { return d.describeRole(config) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			applied.blame(step.what, err)
		}
	}
	applied.Notes = append(applied.Notes, d.startWireless(ctx, config)...)
	if len(applied.Problems) == 0 && (len(applied.Failures) == 0 || d.Joined()) {
		if err := write(d.path(nodeDir+"/"+config.Role), nil, public); err != nil {
			applied.Fail(err)
		}
	}
	return applied
}

func (d Device) nameHost(config nodeconfig.Config) error {
	if config.Name == "" {
		return nil
	}
	return d.SetHostName(config.Name)
}

func (d Device) configureTime(config nodeconfig.Config) error {
	if len(config.Time.Servers) == 0 {
		return nil
	}
	text := "[Time]\nNTP=" + strings.Join(config.Time.Servers, " ") + "\n"
	return write(d.path("run/systemd/timesyncd.conf.d/20-node.conf"), []byte(text), public)
}

// allowKeys lets the administrator in as root: overlays/base has sshd look there.
func (d Device) allowKeys(config nodeconfig.Config) error {
	if len(config.SSH.Keys) == 0 {
		return nil
	}
	text := strings.Join(config.SSH.Keys, "\n") + "\n"
	return write(d.path("run/device/ssh/root.keys"), []byte(text), private)
}

// upgradeKeys is where kedge looks for whose versions of it may be installed.
const upgradeKeys = "etc/kedge/upgrade"

// trustPublishers lays the cluster's keys out. Those that somebody put there
// besides, when keys change, stay.
func (d Device) trustPublishers(config nodeconfig.Config) error {
	if config.Cluster == nil {
		return nil
	}
	for i, key := range config.Cluster.Upgrades {
		text := fmt.Sprintf("untrusted comment: %s signs versions of kedge with this\n%s\n", config.Cluster.Name, key)
		if err := write(d.path(fmt.Sprintf("%s/node-%d.pub", upgradeKeys, i+1)), []byte(text), public); err != nil {
			return err
		}
	}
	return nil
}

func (d Device) placeFiles(config nodeconfig.Config) error {
	var problems error
	for i, file := range config.Files {
		mode, err := strconv.ParseUint(file.Mode, 8, 32)
		if err == nil {
			err = write(d.path(file.Path), []byte(file.Content), os.FileMode(mode))
		}
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("files[%d].path: %w", i, err))
		}
	}
	return problems
}

// describeRole writes what the role's unit reads.
func (d Device) describeRole(config nodeconfig.Config) error {
	about, err := d.distribution()
	if err != nil {
		return err
	}
	arguments, err := about.arguments(config)
	if err != nil {
		return err
	}
	if config.Cluster != nil {
		if err := write(d.path(nodeDir+"/authority.crt"), []byte(config.Cluster.Authority), public); err != nil {
			return err
		}
	}
	lines := []string{variable("ARGUMENTS", strings.Join(arguments, " "))}
	// A proxy's address may have a password in it: root alone reads this.
	return write(d.path(nodeDir+"/environment"), []byte(strings.Join(append(lines, proxyLines(config)...), "")), private)
}

// own are networks that no proxy leads to: this device, and the cluster's pods
// and services as they are by default.
func own() []string {
	return []string{"localhost", "127.0.0.0/8", "::1", "10.96.0.0/12", "10.244.0.0/16", ".svc", ".cluster.local"}
}

func proxyLines(config nodeconfig.Config) []string {
	proxy := config.Network.Proxy
	if proxy == nil {
		return nil
	}
	var lines []string
	for name, value := range map[string]string{
		"HTTP_PROXY": proxy.HTTP, "HTTPS_PROXY": proxy.HTTPS, "NO_PROXY": strings.Join(append(own(), proxy.Exclude...), ","),
	} {
		if value != "" {
			lines = append(lines, variable(name, value))
		}
	}
	slices.Sort(lines)
	return lines
}

// variable is a line of an EnvironmentFile (systemd.exec(5)).
func variable(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value) + "\"\n"
}

const wirelessProgram = "usr/sbin/wpa_supplicant"

// startWireless configures what wpa_supplicant is to join, where the image has it.
func (d Device) startWireless(ctx context.Context, config nodeconfig.Config) []string {
	var notes []string
	for _, name := range interfaceNames(config) {
		wireless := config.Network.Interfaces[name].WiFi
		if wireless == nil {
			continue
		}
		if !d.has(wirelessProgram) {
			notes = append(notes, "network.interfaces."+name+".wifi: this image has no wpasupplicant; build it with that package")
			continue
		}
		file := path.Join("etc/wpa_supplicant", "wpa_supplicant-"+name+".conf")
		err := write(d.path(file), []byte(wirelessText(*wireless)), private)
		if err == nil {
			err = d.Run(ctx, "systemctl", "start", "--no-block", "wpa_supplicant@"+name+".service")
		}
		if err != nil {
			notes = append(notes, "network.interfaces."+name+".wifi: "+err.Error())
		}
	}
	return notes
}
