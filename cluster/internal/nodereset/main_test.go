package nodereset

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"kedge/internal/layout"
	"kedge/internal/workerconfig"
)

const inside = "KEDGE_TEST_NODE"

// onMachine runs a test's body where mounts, interfaces and control groups are
// its own: in namespaces, with the directories that a node leaves files in empty.
func onMachine(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		prepare(t)
		body(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may make these namespaces")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	output, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skipf("namespaces cannot be made here: %v", err)
	}
	if err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
		t.Errorf("inside: %v\n%s", err, output)
	}
}

func prepare(t *testing.T) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/run", "/var/lib", "/var/log"} {
		if err := unix.Mount("test", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	confine(t)
}

// confine leaves of every hierarchy of control groups one group that is the
// test's own: what kills and removes can then reach no other.
func confine(t *testing.T) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		t.Fatal(err)
	}
	own := t.TempDir()
	for at, mount := range mounts {
		group := filepath.Join(mount.Mountpoint, "kedge-test-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Skipf("control groups cannot be made here: %v", err)
		}
		confined := filepath.Join(own, strconv.Itoa(at))
		if err := errors.Join(os.Mkdir(confined, 0o755), unix.Mount(group, confined, "", unix.MS_BIND, "")); err != nil {
			t.Fatal(err)
		}
		whole, err := os.Open(mount.Mountpoint)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Unmount(mount.Mountpoint, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = unix.Unmount(confined, unix.MNT_DETACH)
			_ = cgroups.RemovePath(filepath.Join("/proc/self/fd", strconv.Itoa(int(whole.Fd())), filepath.Base(group)))
			_ = whole.Close()
		})
	}
	left, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, mount := range left {
		if !strings.HasPrefix(mount.Mountpoint, own) {
			t.Fatalf("%s would show the machine's own control groups", mount.Mountpoint)
		}
	}
}

// Names that no machine's pods have. The tests run as root, on machines that may
// be nodes themselves.
const (
	ownPod   = "00000000-aaaa-4aaa-8aaa-000000000001"
	otherPod = "00000000-bbbb-4bbb-8bbb-000000000002"
)

var (
	ownID   = strings.Repeat("0a", 32)
	otherID = strings.Repeat("0b", 32)
)

// testNode is one with a pod, whose directories are those of a test.
func testNode(t *testing.T) node {
	t.Helper()
	dir := t.TempDir()
	return node{
		layout: layout.Layout{DataDir: filepath.Join(dir, "data"), RunDir: filepath.Join(dir, "run")},
		cluster: &workerconfig.Config{
			Version: workerconfig.Version, PodCIDR: "10.244.0.0/16,fd00:10::/56", ServiceCIDR: "10.96.0.0/12", DNSAddress: "10.96.0.10",
			Network: workerconfig.Network{Provider: "flannel"}, Proxy: workerconfig.Proxy{Mode: "nftables"},
		},
		pods: pods{uids: []string{ownPod}, containers: []container{{criNamespace, ownID}}},
	}
}

func write(t *testing.T, content string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
