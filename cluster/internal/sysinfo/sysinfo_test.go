package sysinfo

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"kedge/internal/golden"
)

// machine is a host whose root directory is a recorded tree.
func machine(tree fs.FS) Host {
	return Host{
		Root: tree, Path: "/usr/sbin:/usr/bin:/sbin:/bin", DataDir: "/var/lib/kedge",
		Disk: Disk{Path: "/var", Total: 16 << 30, Free: 8 << 30},
		Now:  time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), NotBefore: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	}
}

func recorded(name string) Host { return machine(os.DirFS(filepath.Join("testdata", name))) }

// lines are all results, as a golden file has them.
func lines(report Report) string {
	var out strings.Builder
	for _, r := range report.Results {
		fmt.Fprintf(&out, "%s: %s: %s\n", r.Verdict, r.Name, r.Found)
		if r.ToDo != "" {
			fmt.Fprintf(&out, "    %s\n", r.ToDo)
		}
	}
	fmt.Fprintf(&out, "%s: %d rejected, %d warnings\n", report.Verdict, report.Count(Rejected), report.Count(Warning))
	return out.String()
}

// The golden files were read line by line; UPDATE_GOLDEN=1 rewrites them.
func TestRecordedMachines(t *testing.T) {
	for _, test := range []struct {
		tree string
		role Role
	}{
		{"raspberrypi", Single},
		{"raspberrypi", Controller},
		{"busybox", Worker},
		{"noconfig", Single},
		{"version1", Single},
	} {
		name := test.tree + "-" + string(test.role)
		t.Run(name, func(t *testing.T) {
			golden.Compare(t, filepath.Join("testdata", name+".txt"), lines(Judge(recorded(test.tree), test.role)))
		})
	}
}

// good is a machine that nothing is wrong with, for tests that change one thing.
func good() fstest.MapFS {
	options := ""
	for _, need := range kernelNeeds() {
		options += "CONFIG_" + need.Option + "=y\n"
	}
	tree := fstest.MapFS{}
	for name, content := range map[string]string{
		"proc/sys/kernel/osrelease": "6.12.1\n", "boot/config-6.12.1": options, "proc/sys/kernel/hostname": "edge1\n",
		"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n", "proc/meminfo": "MemTotal: 2000000 kB\n",
		"proc/swaps": "Filename\n", "proc/sys/fs/inotify/max_user_instances": "1000\n", "proc/sys/fs/inotify/max_user_watches": "100000\n",
		"proc/sys/fs/file-max": "1000000\n", "proc/sys/kernel/pid_max": "100000\n", "proc/self/limits": "Max open files  1024  524288  files\n",
		"etc/hosts": "10.0.0.1 edge1\n", "etc/machine-id": strings.Repeat("0", 32), "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "dev/null": "",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	for _, name := range []string{"bin/mount", "bin/umount", "sbin/modprobe"} {
		tree[name] = &fstest.MapFile{Mode: 0o755}
	}
	return tree
}

func TestAMachineThatNothingIsWrongWith(t *testing.T) {
	for _, role := range everywhere {
		report := Judge(machine(good()), role)
		if report.Verdict != Pass || report.Count(Pass) != len(report.Results) {
			t.Errorf("%s:\n%s", role, lines(report))
		}
	}
}

// Every line of the table of kernel options must be able to fail.
func TestEveryKernelNeedCanBeMissed(t *testing.T) {
	for _, need := range kernelNeeds() {
		tree := good()
		config := string(tree["boot/config-6.12.1"].Data)
		without := strings.Replace(config, "CONFIG_"+need.Option+"=y\n", "# CONFIG_"+need.Option+" is not set\n", 1)
		tree["boot/config-6.12.1"] = &fstest.MapFile{Data: []byte(without)}
		report := Judge(machine(tree), Single)
		if got := find(t, report, "kernel "+need.Option); got.Verdict != need.Need.missing() || got.ToDo == "" {
			t.Errorf("%s: %+v", need.Option, got)
		}
		if wrong := len(report.Results) - report.Count(Pass); wrong != 1 {
			t.Errorf("%s: %d results changed", need.Option, wrong)
		}
	}
}

func find(t *testing.T, report Report, name string) Result {
	t.Helper()
	for _, result := range report.Results {
		if result.Name == name {
			return result
		}
	}
	t.Fatalf("there is no check %q", name)
	return Result{}
}

func TestOneThingIsWrong(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(tree map[string]string, host *Host)
		check   string
		verdict Verdict
		says    string
	}{
		{"old kernel", set("proc/sys/kernel/osrelease", "5.12.9"), "kernel version", Rejected, "Linux 5.13"},
		{"very old kernel", set("proc/sys/kernel/osrelease", "4.19.0-v7l+"), "kernel version", Rejected, "Linux 5.13"},
		{"oldest kernel that works", set("proc/sys/kernel/osrelease", "5.13.0"), "kernel version", Pass, ""},
		{"module of another kernel", set("boot/config-6.12.1", "CONFIG_VETH=m\n"), "kernel VETH", Rejected, "install the modules of the running kernel"},
		{"vanished option", set("boot/config-6.12.1", "CONFIG_NF_TABLES=y\n"), "kernel NFT_COUNTER", Pass, ""},
		{"little memory", set("proc/meminfo", "MemTotal: 204800 kB"), "memory", Rejected, "smaller role"},
		{"few memory", set("proc/meminfo", "MemTotal: 480000 kB"), "memory", Warning, "zram"},
		{"no memory controller", set("sys/fs/cgroup/cgroup.controllers", "cpu cpuset pids io hugetlb"), "cgroup controller memory", Rejected, "cgroup_enable=memory"},
		{"no pids controller", set("sys/fs/cgroup/cgroup.controllers", "cpu cpuset memory io hugetlb"), "cgroup controller pids", Rejected, "cgroup_disable=pids"},
		{"no io controller", set("sys/fs/cgroup/cgroup.controllers", "cpu cpuset memory pids hugetlb"), "cgroup controller io", Note, ""},
		{"swap on a disk", set("proc/swaps", "Filename\n/dev/mmcblk0p3 partition 1 0 -2"), "swap", Warning, "swapoff"},
		{"few watches", set("proc/sys/fs/inotify/max_user_watches", "100"), "fs.inotify.max_user_watches", Warning, "sysctl -w fs.inotify.max_user_watches=8192"},
		{"few open files", set("proc/self/limits", "Max open files 1024 1024 files"), "open files", Warning, "LimitNOFILE"},
		{"localhost", set("proc/sys/kernel/hostname", "localhost"), "host name", Rejected, "/etc/hostname"},
		{"underscore", set("proc/sys/kernel/hostname", "edge_1"), "host name", Rejected, "/etc/hostname"},
		{"name that nobody knows", set("etc/hosts", "10.0.0.1 other # edge1"), "host name", Warning, "/etc/hosts"},
		{"no machine id", set("etc/machine-id", ""), "machine id", Warning, "/proc/sys/kernel/random/uuid"},
		{"no mount", set("bin/mount", "-"), "program mount", Rejected, "apt install mount"},
		{"no null device", set("dev/null", "-"), "file /dev/null", Rejected, "mknod"},
		{"no users", set("etc/passwd", "-"), "file /etc/passwd", Rejected, "root:x:0:0"},
		{"clock", func(_ map[string]string, h *Host) { h.Now = time.Unix(0, 0) }, "clock", Rejected, "battery"},
		{"full disk", func(_ map[string]string, h *Host) { h.Disk.Free = 100 << 20 }, "disk space", Rejected, "--data-dir"},
		{"small disk", func(_ map[string]string, h *Host) { h.Disk.Free = 600 << 20 }, "disk space", Warning, "few images"},
		{"nearly full disk", func(_ map[string]string, h *Host) { h.Disk.Free = 2 << 30 }, "disk space", Warning, "15 %"},
		{"noexec", func(_ map[string]string, h *Host) { h.Disk.IsNoexec = true }, "data directory", Rejected, "remount it with exec"},
		{"read-only", func(_ map[string]string, h *Host) { h.Disk.IsReadOnly = true }, "data directory", Rejected, "writable"},
		{"disk that cannot be seen", func(_ map[string]string, h *Host) { h.Disk = Disk{} }, "disk space", Rejected, "--data-dir"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, changes := good(), map[string]string{}
			host := machine(tree)
			test.change(changes, &host)
			for name, content := range changes {
				if content == "-" {
					delete(tree, name)
					continue
				}
				tree[name] = &fstest.MapFile{Data: []byte(content)}
			}
			if release := changes["proc/sys/kernel/osrelease"]; release != "" {
				tree["boot/config-"+release] = tree["boot/config-6.12.1"]
			}
			got := find(t, Judge(host, Single), test.check)
			if got.Verdict != test.verdict || !strings.Contains(got.ToDo, test.says) {
				t.Errorf("%+v; want %s and %q", got, test.verdict, test.says)
			}
		})
	}
}

func set(name, content string) func(map[string]string, *Host) {
	return func(tree map[string]string, _ *Host) { tree[name] = content }
}

func TestParseConfig(t *testing.T) {
	got, err := parseConfig(strings.NewReader("#\n# comment\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=\"text\"\nCONFIG_E=0x10\n\nnonsense\n"))
	want := map[string]string{"A": "y", "B": "m", "C": "n", "D": "text", "E": "0x10"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("options = %v, %v; want %v", got, err, want)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("CONFIG_A=y\n# CONFIG_C is not set\n")
	f.Add("# is not set\nCONFIG_=\n=\n")
	f.Fuzz(func(t *testing.T, raw string) {
		options, err := parseConfig(strings.NewReader(raw))
		if err == nil && len(options) > len(strings.Split(raw, "\n")) {
			t.Errorf("%d options out of %q", len(options), raw)
		}
	})
}

func TestTheRunningMachine(t *testing.T) {
	host, err := Running(filepath.Join(t.TempDir(), "not", "there"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if host.Disk.Free == 0 || host.Disk.Total < host.Disk.Free || !strings.HasPrefix(host.DataDir, host.Disk.Path) {
		t.Errorf("disk = %+v", host.Disk)
	}
	if late, _ := Running("/", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)); late.NotBefore.Year() != 2030 {
		t.Errorf("not before %v", late.NotBefore)
	}
	report := Judge(host, Single)
	if got := find(t, report, "kernel version"); got.Found == "unknown" {
		t.Errorf("%+v", got)
	}
}
