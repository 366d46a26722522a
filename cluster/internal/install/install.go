package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"kedge/internal/wholefile"
)

// Machine is where a service is installed.
type Machine struct {
	// Root is the root of the file system.
	Root string
	// Run runs a program of the machine.
	Run func(ctx context.Context, argv ...string) error
	// HasUser tells whether there is an account.
	HasUser func(name string) bool
}

// ThisMachine is the running one.
func ThisMachine() Machine {
	return Machine{
		Root: "/",
		Run: func(ctx context.Context, argv ...string) error {
			output, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(output)))
			}
			return nil
		},
		HasUser: func(name string) bool {
			_, err := user.Lookup(name)
			return err == nil
		},
	}
}

// initSystem is what starts services.
type initSystem struct {
	file   string // below the root, with the service's name in it
	mode   os.FileMode
	render func(Service) string
	// enable, start, restart, stop and disable are command lines, with the service's name at the end.
	enable, start, restart, stop, disable []string
	reload                                []string
}

// detect finds the init system by what it leaves in the file system.
func (m Machine) detect(name string) (initSystem, error) {
	switch {
	case m.exists("run/systemd/system"):
		return initSystem{
			file: "etc/systemd/system/" + name + ".service", mode: 0o644, render: Systemd,
			enable: []string{"systemctl", "enable", name}, disable: []string{"systemctl", "disable", "--now", name},
			start: []string{"systemctl", "start", name}, restart: []string{"systemctl", "restart", "--no-block", name}, stop: []string{"systemctl", "stop", name},
			reload: []string{"systemctl", "daemon-reload"},
		}, nil
	case m.exists("run/openrc"):
		return initSystem{
			file: "etc/init.d/" + name, mode: 0o755, render: OpenRC,
			enable: []string{"rc-update", "add", name, "default"}, disable: []string{"rc-update", "del", name},
			start: []string{"rc-service", name, "start"}, restart: []string{"rc-service", name, "restart"}, stop: []string{"rc-service", name, "stop"},
		}, nil
	}
	return initSystem{}, errors.New("neither systemd nor OpenRC runs here; let your init system start kedge")
}

func (m Machine) exists(name string) bool {
	_, err := os.Stat(filepath.Join(m.Root, name))
	return err == nil
}

// Installed is the role whose service is installed here, out of those that
// there are; empty when there is none.
func (m Machine) Installed(roles ...string) string {
	for _, role := range roles {
		service := Service{Role: role}
		if system, err := m.detect(service.Name()); err == nil && m.exists(system.file) {
			return role
		}
	}
	return ""
}

// Install makes the users and the service, which then starts with the machine.
func (m Machine) Install(ctx context.Context, s Service, users []string) error {
	system, err := m.detect(s.Name())
	if err != nil {
		return err
	}
	for _, name := range users {
		if err := m.addUser(ctx, name); err != nil {
			return err
		}
	}
	file := filepath.Join(m.Root, system.file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	if err := wholefile.Write(file, []byte(system.render(s)), system.mode); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	return m.all(ctx, system.reload, system.enable)
}

// Start and Stop start and stop an installed service.
func (m Machine) Start(ctx context.Context, s Service) error {
	system, err := m.detect(s.Name())
	if err != nil {
		return err
	}
	if !m.exists(system.file) {
		return fmt.Errorf("there is no service %s; 'kedge install %s' makes it", s.Name(), s.Role)
	}
	return m.all(ctx, system.start)
}

// Restart ends what an installed service runs, and starts it again.
func (m Machine) Restart(ctx context.Context, s Service) error {
	system, err := m.detect(s.Name())
	if err != nil {
		return err
	}
	return m.all(ctx, system.restart)
}

// Stop stops it; false says that there is no such service.
func (m Machine) Stop(ctx context.Context, s Service) (bool, error) {
	system, err := m.detect(s.Name())
	if err != nil || !m.exists(system.file) {
		return false, nil
	}
	return true, m.all(ctx, system.stop)
}

// Uninstall removes the service. Its kedge must not run, but systemd may be
// about to start it again. Users stay: files may be theirs.
func (m Machine) Uninstall(ctx context.Context, s Service) error {
	system, err := m.detect(s.Name())
	if err != nil || !m.exists(system.file) {
		return nil
	}
	if err := m.all(ctx, system.disable); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(m.Root, system.file)); err != nil {
		return fmt.Errorf("remove the service: %w", err)
	}
	return m.all(ctx, system.reload)
}

func (m Machine) all(ctx context.Context, commands ...[]string) error {
	for _, argv := range commands {
		if len(argv) == 0 {
			continue
		}
		if err := m.Run(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

// addUser makes an account that nobody can log in with. Which program does so
// depends on the distribution.
func (m Machine) addUser(ctx context.Context, name string) error {
	if m.HasUser(name) {
		return nil
	}
	if m.exists("usr/sbin/useradd") {
		return m.Run(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name)
	}
	if err := m.Run(ctx, "addgroup", "-S", name); err != nil {
		return err
	}
	return m.Run(ctx, "adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", "-G", name, name)
}
