package sysinfo

import (
	"slices"
	"strings"
)

const unifiedRoot = "sys/fs/cgroup/cgroup.controllers"

// controllers of cgroup v2 that the kubelet and runc use.
var controllers = []struct {
	name string
	what string
	need Need
}{
	{"cpu", "processor limits of pods", Required},
	{"memory", "memory limits and eviction of pods", Required},
	{"pids", "process limits of pods", Required},
	{"cpuset", "processor sets of pods", Required},
	{"io", "disk limits of pods", Optional},
	{"hugetlb", "huge pages of pods", Optional},
}

func checkCgroups(host Host, role Role) []Result {
	if !role.works() {
		return nil
	}
	result := passed("cgroup v2", "limits of pods; the kubelet refuses version 1", Required, "mounted at /sys/fs/cgroup")
	if !exists(host.Root, unifiedRoot) {
		result.Verdict = Rejected
		result.Found, result.ToDo = missingCgroups(host)
		return []Result{result}
	}
	results := []Result{result}
	present := strings.Fields(text(host.Root, unifiedRoot))
	for _, controller := range controllers {
		result := passed("cgroup controller "+controller.name, controller.what, controller.need, "enabled")
		if !slices.Contains(present, controller.name) {
			result.Verdict, result.Found = controller.need.missing(), "not enabled"
			result.ToDo = controllerAdvice(host, controller.name)
		}
		results = append(results, result)
	}
	return results
}

func missingCgroups(host Host) (found, todo string) {
	switch {
	case exists(host.Root, "sys/fs/cgroup/unified") || strings.Contains(text(host.Root, "proc/mounts"), " cgroup rw"):
		return "the machine uses version 1", "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line, or have the init system mount cgroup2 at /sys/fs/cgroup"
	case !slices.Contains(strings.Fields(text(host.Root, "proc/filesystems")), "cgroup2"):
		return "the kernel does not have it", "use a kernel that was built with CONFIG_CGROUPS and is 4.15 or newer"
	default:
		return "not mounted", "mount it: mount -t cgroup2 none /sys/fs/cgroup"
	}
}

func controllerAdvice(host Host, name string) string {
	if name != "memory" {
		return "use a kernel that has this controller, or remove cgroup_disable=" + name + " from its command line"
	}
	if strings.Contains(boardModel(host), "Raspberry Pi") {
		return "add cgroup_enable=memory at the end of the line in /boot/firmware/cmdline.txt (older systems: /boot/cmdline.txt) and reboot"
	}
	return "add cgroup_enable=memory to the kernel's command line and reboot"
}

// boardModel is what the device tree calls the board; empty where there is none.
func boardModel(host Host) string {
	if model := text(host.Root, "sys/firmware/devicetree/base/model"); model != "" {
		return model
	}
	return text(host.Root, "proc/device-tree/model")
}
