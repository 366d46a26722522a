package sysinfo

import (
	"bufio"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const mib = 1 << 20

func checkKernelVersion(k kernel, role Role) Result {
	// kube-proxy's nftables mode refuses older ones; cgroup v2 is complete since 5.8.
	const wantMajor, wantMinor = 5, 13
	result := passed("kernel version", "kube-proxy's nftables mode", Required, k.release)
	if !role.works() {
		result.For, result.Need = "Go programs", Recommended
	}
	major, minor := k.version()
	switch {
	case k.release == "":
		result.Verdict, result.Found, result.ToDo = Warning, "unknown", "mount proc at /proc"
	case major < wantMajor || major == wantMajor && minor < wantMinor:
		result.Verdict, result.ToDo = result.Need.missing(), fmt.Sprintf("use Linux %d.%d or newer", wantMajor, wantMinor)
	}
	return result
}

func checkKernelConfig(k kernel) Result {
	result := passed("kernel configuration", "certainty about the following", Recommended, k.source)
	if k.options == nil {
		result.Verdict, result.Found = Warning, "not found"
		result.ToDo = "modprobe configs, or install the kernel's config file in /boot; until then the checks rely on what can be seen"
	}
	return result
}

// checkModuleLoader matters where something is there only to be loaded.
func checkModuleLoader(host Host, k kernel) Result {
	result := passed("module loader", "loading what is not built in", Recommended, text(host.Root, "proc/sys/kernel/modprobe"))
	switch {
	case len(k.files) == 0:
		result.Found = "not needed, there are no modules"
	case result.Found == "" || !exists(host.Root, strings.TrimPrefix(result.Found, "/")):
		result.Verdict, result.Found = Warning, "absent"
		result.ToDo = "install kmod, or have the needed modules loaded at boot"
	}
	return result
}

// memoryNeeds are MiB as the kernel reports them: what the machine has, less
// what the kernel keeps. The minima are measured: a 512 MB machine runs
// everything, a 256 MB machine is a worker. Recommended is what leaves room for pods.
var memoryNeeds = map[Role]struct{ least, recommended uint64 }{
	Worker:     {200, 420},
	Controller: {420, 850},
	Single:     {420, 850},
}

func checkMemory(host Host, role Role) Result {
	need := memoryNeeds[role]
	result := passed("memory", fmt.Sprintf("a %s; at least %d MiB, better %d MiB", role, need.least, need.recommended), Required, "")
	kib := field(text(host.Root, "proc/meminfo"), "MemTotal:")
	result.Found = mebibytes(kib << 10)
	switch {
	case kib == 0:
		result.Verdict, result.Found, result.ToDo = Warning, "unknown", "mount proc at /proc"
	case kib<<10 < need.least*mib:
		result.Verdict, result.ToDo = Rejected, "use a machine with more memory, or give it a smaller role"
	case kib<<10 < need.recommended*mib:
		result.Verdict, result.ToDo = Warning, "expect few pods; zram helps"
	}
	return result
}

// field finds the number after a word at the start of a line.
func field(table, word string) uint64 {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == word {
			if value, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				return value
			}
		}
	}
	return 0
}

func checkSwap(host Host, role Role) Result {
	result := passed("swap", "pods that keep their speed", Recommended, "none")
	var devices []string
	lines := strings.Split(text(host.Root, "proc/swaps"), "\n")
	for _, line := range lines[1:] {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(path.Base(fields[0]), "zram") {
			devices = append(devices, fields[0])
		} else if len(fields) > 0 {
			result.Found = "zram"
		}
	}
	if len(devices) > 0 && role.works() {
		result.Verdict, result.Found = Warning, strings.Join(devices, ", ")
		result.ToDo = "turn it off (swapoff -a, /etc/fstab), or use zram: swap on flash storage wears it out"
	}
	return result
}

// diskNeeds are MiB: what the data directory grows to with its own images. The
// least is what unpacking the helpers and an empty database take.
var diskNeeds = map[Role]struct{ least, recommended uint64 }{
	Worker:     {150, 1300},
	Controller: {150, 500},
	Single:     {200, 1700},
}

// imageShare is the part of a worker's disk below which the kubelet evicts pods.
const imageSharePercent = 15

func checkDisk(host Host, role Role) []Result {
	need, disk := diskNeeds[role], host.Disk
	space := passed("disk space", fmt.Sprintf("%s; at least %d MiB, better %d MiB", host.DataDir, need.least, need.recommended), Required, mebibytes(disk.Free)+" free")
	usable := passed("data directory", "unpacking and starting helpers", Required, disk.Path)
	if disk.Path == "" {
		space.Verdict, space.Found, space.ToDo = Rejected, "cannot be looked at", "see to the directory, or choose another one with --data-dir"
		return []Result{space}
	}
	switch {
	case disk.Free < need.least*mib:
		space.Verdict, space.ToDo = Rejected, "free some space, or choose another place with --data-dir"
	case disk.Free < need.recommended*mib:
		space.Verdict, space.ToDo = Warning, "there is room for few images"
	case role.works() && disk.Free < disk.Total/100*imageSharePercent:
		space.Verdict = Warning
		space.ToDo = fmt.Sprintf("keep %d %% of the disk free: below that the kubelet evicts pods", imageSharePercent)
	}
	switch {
	case disk.IsReadOnly:
		usable.Verdict, usable.Found, usable.ToDo = Rejected, disk.Path+" is mounted read-only", "mount it writable, or choose another place with --data-dir"
	case disk.IsNoexec && role.works():
		usable.Verdict, usable.Found, usable.ToDo = Rejected, disk.Path+" is mounted noexec", "remount it with exec, or choose another place with --data-dir"
	}
	return []Result{space, usable}
}

func checkClock(host Host) Result {
	result := passed("clock", "certificates", Required, host.Now.UTC().Format(time.RFC3339))
	if host.Now.Before(host.NotBefore) {
		result.Verdict = Rejected
		result.Found += ", before this kedge was made"
		result.ToDo = "set the clock, or start time synchronisation before kedge; a machine without a battery clock wakes up in the past"
	}
	return result
}

// programs that components start by name.
var programs = []struct {
	name string
	what string
	need Need
}{
	{"mount", "volumes of pods", Required},
	{"umount", "volumes of pods", Required},
	{"modprobe", "loading modules", Optional},
}

func checkPrograms(host Host, role Role) []Result {
	if !role.works() {
		return nil
	}
	var results []Result
	for _, program := range programs {
		result := passed("program "+program.name, program.what, program.need, findProgram(host, program.name))
		if result.Found == "" {
			result.Verdict, result.Found = program.need.missing(), "not in PATH"
			result.ToDo = "install it (Debian: apt install mount kmod), or put its directory into PATH"
		}
		results = append(results, result)
	}
	return results
}

func findProgram(host Host, name string) string {
	for dir := range strings.SplitSeq(host.Path, ":") {
		file := path.Join(dir, name)
		if !path.IsAbs(file) || !isExecutable(host, file) {
			continue
		}
		return file
	}
	return ""
}

// limits are numbers of the kernel that are often too small.
var limits = []struct {
	name  string
	file  string
	least uint64
	roles []Role
}{
	{"fs.inotify.max_user_instances", "proc/sys/fs/inotify/max_user_instances", 128, everywhere},
	{"fs.inotify.max_user_watches", "proc/sys/fs/inotify/max_user_watches", 8192, everywhere},
	{"fs.file-max", "proc/sys/fs/file-max", 65536, everywhere},
	{"kernel.pid_max", "proc/sys/kernel/pid_max", 32768, onWorkers},
}

const leastOpenFiles = 65536

func checkLimits(host Host, role Role) []Result {
	var results []Result
	for _, limit := range limits {
		if !slices.Contains(limit.roles, role) {
			continue
		}
		result := passed(limit.name, "many pods and watches", Recommended, text(host.Root, limit.file))
		value, err := strconv.ParseUint(result.Found, 10, 64)
		switch {
		case result.Found == "":
			result.Verdict, result.Found = Note, "unknown"
		case err == nil && value < limit.least:
			result.Verdict, result.ToDo = Warning, fmt.Sprintf("sysctl -w %s=%d, and the same in /etc/sysctl.d", limit.name, limit.least)
		}
		results = append(results, result)
	}
	return append(results, checkOpenFiles(host))
}

func checkOpenFiles(host Host) Result {
	result := passed("open files", "many connections", Recommended, "unknown")
	lines := bufio.NewScanner(strings.NewReader(text(host.Root, "proc/self/limits")))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "Max open files")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 2 {
			continue
		}
		result.Found = fields[1] // the hard limit: Go raises the soft one to it
		if value, err := strconv.ParseUint(fields[1], 10, 64); err == nil && value < leastOpenFiles {
			result.Verdict, result.ToDo = Warning, fmt.Sprintf("raise the limit to %d (systemd: LimitNOFILE=, shells: ulimit -Hn)", leastOpenFiles)
		}
		return result
	}
	result.Verdict = Note
	return result
}

// hostnamePattern is RFC 1123's name of a host: the Node object bears it.
var hostnamePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

func checkHostname(host Host) Result {
	name := text(host.Root, "proc/sys/kernel/hostname")
	result := passed("host name", "the node's name and its address", Required, name)
	switch lower := strings.ToLower(name); {
	case name == "":
		result.Verdict, result.Found, result.ToDo = Warning, "unknown", "mount proc at /proc"
	case lower == "localhost" || lower == "(none)" || !hostnamePattern.MatchString(lower):
		result.Verdict, result.ToDo = Rejected, "give the machine a name of letters, digits and dashes of its own (/etc/hostname)"
	case !isInHosts(text(host.Root, "etc/hosts"), name):
		result.Verdict, result.Found = Warning, name+", not in /etc/hosts"
		result.ToDo = "add a line with its address to /etc/hosts: kedge is static and does not ask other name services than that and DNS"
	}
	return result
}

func isInHosts(table, name string) bool {
	for line := range strings.Lines(table) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 1 && slices.ContainsFunc(fields[1:], func(alias string) bool { return strings.EqualFold(alias, name) }) {
			return true
		}
	}
	return false
}

var machineIDPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

func checkMachineID(host Host) Result {
	id := text(host.Root, "etc/machine-id")
	result := passed("machine id", "telling machines apart", Recommended, id)
	if !machineIDPattern.MatchString(id) {
		result.Verdict, result.Found = Warning, "none in /etc/machine-id"
		result.ToDo = "write 32 random hex digits there (systemd-machine-id-setup, or: tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id)"
	}
	return result
}
