package nodereset

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/cgroups"
)

// started runs a program that does not end by itself.
func started(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, "600")
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// hasEnded waits for the end of a process.
func hasEnded(cmd *exec.Cmd) bool {
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(time.Second):
		return false
	}
}

// copied puts a program of the machine elsewhere.
func copied(t *testing.T, program string, path ...string) string {
	t.Helper()
	from, err := exec.LookPath(program)
	must(t, err)
	source, err := os.Open(from)
	must(t, err)
	defer source.Close()
	file := write(t, "", path...)
	target, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = io.Copy(target, source)
	must(t, err)
	must(t, target.Close())
	must(t, os.Chmod(file, 0o755))
	return file
}

// group makes a control group in every hierarchy.
func group(t *testing.T, name string, members ...*exec.Cmd) []string {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	must(t, err)
	if len(mounts) == 0 {
		t.Skip("no control groups are mounted here")
	}
	var all []string
	for _, mount := range mounts {
		if exists(filepath.Join(mount.Mountpoint, "cpuset.mems")) && mount.FSType == "cgroup" {
			continue // its groups take processes only once they have processors
		}
		path := filepath.Join(mount.Mountpoint, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		all = append(all, path)
		for _, member := range members {
			must(t, cgroups.WriteCgroupProc(path, member.Process.Pid))
		}
	}
	return all
}

func TestPodsEnd(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		n := testNode(t)
		shim := started(t, copied(t, "sleep", n.layout.Helpers(), "1d2935a69b2eb4af", "bin", "containerd-shim-runc-v2"))
		other := started(t, copied(t, "sleep", n.layout.DataDir+"-of-others", "helpers", "bin", "containerd-shim-runc-v2"))
		member, neighbour := started(t, "sleep"), started(t, "sleep")
		own := group(t, "kubepods/burstable/pod"+ownPod+"/"+ownID, member)
		foreign := group(t, "kubepods/burstable/pod"+otherPod+"/"+otherID, neighbour)

		must(t, n.endProcesses(t.Context()))
		if !hasEnded(shim) || !hasEnded(member) {
			t.Error("a shim of ours, or a process of a pod, still runs")
		}
		if hasEnded(other) || hasEnded(neighbour) {
			t.Error("a process of others was killed")
		}
		must(t, n.removeGroups(t.Context()))
		for at := range own {
			if exists(filepath.Dir(own[at])) {
				t.Errorf("%s is still there", filepath.Dir(own[at]))
			}
			if !exists(foreign[at]) {
				t.Errorf("%s of others is gone", foreign[at])
			}
		}
	})
}

// TestEmptyParentsGo is about a kubelet that was told where its pods belong.
func TestEmptyParentsGo(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		n := testNode(t)
		n.cluster.Kubelet = map[string]any{"cgroupRoot": "/edge"}
		own, foreign := group(t, "edge/kubepods/besteffort"), group(t, "kubepods/besteffort")
		must(t, n.removeGroups(t.Context()))
		for at := range own {
			if exists(filepath.Dir(own[at])) {
				t.Errorf("%s is still there", filepath.Dir(own[at]))
			}
			if !exists(foreign[at]) {
				t.Errorf("%s of another kubelet is gone", foreign[at])
			}
		}
	})
}

func TestGroupNames(t *testing.T) {
	p := pods{uids: []string{ownPod}, containers: []container{{criNamespace, ownID}, {"default", "init"}}}
	for path, want := range map[string]bool{
		"/sys/fs/cgroup/kubepods/besteffort/pod" + ownPod: true,
		"/sys/fs/cgroup/kubepods/pod" + otherPod:          false,
		"/sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + strings.ReplaceAll(ownPod, "-", "_") + ".slice": true,
		"/sys/fs/cgroup/system.slice/cri-containerd-" + ownID + ".scope":                                                                    true,
		"/sys/fs/cgroup/somewhere/" + ownID: true,
		"/sys/fs/cgroup/default/init":       true,
		"/sys/fs/cgroup/init":               false,
		"/sys/fs/cgroup/init.scope":         false,
	} {
		got := false
		for _, end := range p.groupNames() {
			got = got || strings.HasSuffix(path, end)
		}
		if got != want {
			t.Errorf("%s is a pod's: %v; want %v", path, got, want)
		}
	}
}

func TestFindPods(t *testing.T) {
	n := testNode(t)
	l := n.layout
	must(t, os.MkdirAll(filepath.Join(l.Kubelet(), "pods", ownPod), 0o700))
	task := filepath.Join(l.ContainerdState(), "io.containerd.runtime.v2.task", criNamespace, ownID)
	write(t, `{"linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/var/run/netns/cni-1"}]}}`, task, "config.json")
	host := filepath.Join(filepath.Dir(task), otherID)
	write(t, `{"linux":{"namespaces":[{"type":"network","path":"/proc/1/ns/net"}]}}`, host, "config.json")
	reserved := strings.Repeat("a", 64)
	write(t, reserved+"\r\neth0", l.CNIAddresses(), networkName, "10.244.1.2")
	write(t, "10.244.1.2", l.CNIAddresses(), networkName, "last_reserved_ip.0")

	found, err := findPods(l)
	must(t, err)
	if len(found.uids) != 1 || found.uids[0] != ownPod || len(found.networks) != 1 || found.networks[0] != "/run/netns/cni-1" {
		t.Errorf("found %+v", found)
	}
	want := []container{{criNamespace, ownID}, {criNamespace, otherID}, {criNamespace, reserved}}
	for at, c := range want {
		if len(found.containers) != len(want) || found.containers[at] != c {
			t.Fatalf("containers %+v; want %+v", found.containers, want)
		}
	}
}

func TestTraces(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		n := testNode(t)
		log := write(t, "", podLogs, "default_p1_"+ownPod, "c", "0.log")
		must(t, os.MkdirAll(containerLogs, 0o755))
		must(t, os.Symlink(log, filepath.Join(containerLogs, "p1.log")))
		write(t, "", cniResults, "kedge-"+ownID+"-eth0")
		write(t, "", cniResults, "cni-loopback-"+ownID+"-lo")
		write(t, "", devicePlugins, "kubelet.sock")
		kept := []string{write(t, "", podLogs, "default_p2_"+otherPod, "c", "0.log"), write(t, "", cniResults, "podman-"+otherID+"-eth0")}
		for range 2 {
			must(t, n.removeTraces())
		}
		var left []string
		for _, dir := range []string{"/var/log", "/var/lib"} {
			must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					left = append(left, path)
				}
				return err
			}))
		}
		if strings.Join(left, " ") != strings.Join(kept, " ") {
			t.Errorf("left %q; want %q", left, kept)
		}
		if exists(kubeletDir) || exists(containerLogs) {
			t.Error("empty directories are left")
		}
	})
}
