package install

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kedge/internal/golden"
)

func testService() Service {
	return Service{
		Role: "controller", Executable: "/usr/local/bin/kedge", StopSeconds: 100,
		Args: []string{"controller", "--config=/etc/kedge/a file.yaml", `--x=50% of $HOME's "rest"`},
	}
}

func testWorker() Service {
	return Service{
		Role: "worker", Executable: "/usr/local/bin/kedge", StopSeconds: 100, PodsGoOn: true,
		Args: []string{"worker", "--labels=a=b", "--token-file=/etc/kedge/token"},
	}
}

func TestServiceFiles(t *testing.T) {
	for name, render := range map[string]func(Service) string{"systemd": Systemd, "openrc": OpenRC} {
		t.Run(name, func(t *testing.T) {
			golden.Compare(t, filepath.Join("testdata", name+".golden"), render(testService()))
			golden.Compare(t, filepath.Join("testdata", name+"-worker.golden"), render(testWorker()))
		})
	}
}

// machine is one whose programs are only noted.
func machine(t *testing.T, has ...string) (Machine, *[]string) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range has {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var ran []string
	return Machine{
		Root:    root,
		Run:     func(_ context.Context, argv ...string) error { ran = append(ran, strings.Join(argv, " ")); return nil },
		HasUser: func(name string) bool { return name == "etcd" },
	}, &ran
}

func TestInstall(t *testing.T) {
	for name, test := range map[string]struct {
		has  []string
		file string
		want []string
	}{
		"systemd": {
			[]string{"run/systemd/system", "usr/sbin/useradd"},
			"etc/systemd/system/kedgecontroller.service",
			[]string{
				"useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kube-apiserver",
				"systemctl daemon-reload", "systemctl enable kedgecontroller", "systemctl start kedgecontroller", "systemctl stop kedgecontroller",
				"systemctl disable --now kedgecontroller", "systemctl daemon-reload",
			},
		},
		"OpenRC": {
			[]string{"run/openrc"},
			"etc/init.d/kedgecontroller",
			[]string{
				"addgroup -S kube-apiserver", "adduser -S -D -H -h /nonexistent -s /sbin/nologin -G kube-apiserver kube-apiserver",
				"rc-update add kedgecontroller default", "rc-service kedgecontroller start", "rc-service kedgecontroller stop",
				"rc-update del kedgecontroller",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, ran := machine(t, test.has...)
			if err := m.Start(t.Context(), testService()); err == nil || !strings.Contains(err.Error(), "'kedge install controller' makes it") {
				t.Errorf("start before: %v", err)
			}
			if err := m.Install(t.Context(), testService(), []string{"kube-apiserver", "etcd"}); err != nil {
				t.Fatal(err)
			}
			if !m.exists(test.file) {
				t.Errorf("%s is not there", test.file)
			}
			if err := m.Start(t.Context(), testService()); err != nil {
				t.Error(err)
			}
			if stopped, err := m.Stop(t.Context(), testService()); !stopped || err != nil {
				t.Errorf("stop = %v, %v", stopped, err)
			}
			if err := m.Uninstall(t.Context(), testService()); err != nil {
				t.Error(err)
			}
			if m.exists(test.file) {
				t.Errorf("%s is still there", test.file)
			}
			if !slices.Equal(*ran, test.want) {
				t.Errorf("ran %q; want %q", *ran, test.want)
			}
		})
	}
}

func TestInstallWithoutInitSystem(t *testing.T) {
	m, ran := machine(t)
	err := m.Install(t.Context(), testService(), nil)
	if err == nil || !strings.Contains(err.Error(), "neither systemd nor OpenRC runs here") || len(*ran) != 0 {
		t.Errorf("error = %v, ran %q", err, *ran)
	}
}
