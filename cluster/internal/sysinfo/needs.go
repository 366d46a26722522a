package sysinfo

import (
	"io/fs"
	"slices"
	"strings"
)

// kernelNeed is something that the kernel must, should or may have.
type kernelNeed struct {
	Option string // of the kernel's configuration, without CONFIG_
	Module string // its name in /proc/modules; empty for what is never a module
	For    string
	Need   Need
	Roles  []Role
	// Files of which each shows that the kernel has it; "file:word" where the
	// file has to contain a word.
	SeenBy []string
	// Vanished: newer kernels have it always and know no option any more.
	Vanished bool
	ToDo     string // instead of the usual advice
}

func (n kernelNeed) isSeen(root fs.FS) bool {
	return slices.ContainsFunc(n.SeenBy, func(seen string) bool {
		name, word, _ := strings.Cut(seen, ":")
		if word == "" {
			return exists(root, name)
		}
		return slices.Contains(strings.Fields(text(root, name)), word)
	})
}

var (
	everywhere = []Role{Controller, Worker, Single}
	onWorkers  = []Role{Worker, Single}
)

// kernelNeeds come from what the linked components do: runc (namespaces,
// cgroup v2 with devices through BPF, mqueue), containerd's snapshotter,
// kube-proxy's nftables mode and portmap (fib, numgen, reject, masquerade,
// named counters in tables ip and ip6), flannel and the bridge plugin.
var kernelNeeds = []kernelNeed{
	{Option: "UNIX", Module: "unix", For: "sockets between the components", Need: Required, Roles: everywhere, SeenBy: []string{"proc/net/unix"}},
	{Option: "INET", For: "TCP/IP", Need: Required, Roles: everywhere, SeenBy: []string{"proc/sys/net/ipv4"}},
	{Option: "EPOLL", For: "Go's network poller", Need: Required, Roles: everywhere, SeenBy: []string{"proc/sys/fs/epoll"}},
	{Option: "INOTIFY_USER", For: "watching files", Need: Required, Roles: everywhere, SeenBy: []string{"proc/sys/fs/inotify"}},
	{Option: "IPV6", Module: "ipv6", For: "dual-stack clusters", Need: Optional, Roles: everywhere, SeenBy: []string{"proc/sys/net/ipv6"}},

	{Option: "CGROUPS", For: "limits of pods", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/cgroups", "proc/filesystems:cgroup2"}},
	{Option: "MEMCG", For: "memory limits of pods", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/cgroups:memory"}},
	{Option: "CGROUP_PIDS", For: "process limits of pods", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/cgroups:pids"}},
	{Option: "CPUSETS", For: "processor sets of pods", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/cgroups:cpuset"}},
	{Option: "FAIR_GROUP_SCHED", For: "processor shares of pods", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/cgroups:cpu"}},
	{
		Option: "CFS_BANDWIDTH", For: "processor limits of pods", Need: Required, Roles: onWorkers,
		SeenBy: []string{"proc/sys/kernel/sched_cfs_bandwidth_slice_us"},
	},
	{Option: "CGROUP_BPF", For: "devices of containers", Need: Required, Roles: onWorkers},
	{
		Option: "BPF_SYSCALL", For: "devices of containers", Need: Required, Roles: onWorkers,
		SeenBy: []string{"proc/sys/kernel/unprivileged_bpf_disabled"},
	},
	{Option: "BLK_CGROUP", For: "disk limits of pods", Need: Optional, Roles: onWorkers, SeenBy: []string{"proc/cgroups:blkio"}},
	{Option: "PSI", For: "pressure figures", Need: Optional, Roles: onWorkers, SeenBy: []string{"proc/pressure"}},

	{Option: "UTS_NS", For: "containers", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/self/ns/uts"}},
	{Option: "IPC_NS", For: "containers", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/self/ns/ipc"}},
	{Option: "PID_NS", For: "containers", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/self/ns/pid"}},
	{Option: "NET_NS", For: "containers", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/self/ns/net"}},
	{Option: "USER_NS", For: "pods with users of their own", Need: Optional, Roles: onWorkers, SeenBy: []string{"proc/self/ns/user"}},
	{Option: "POSIX_MQUEUE", For: "/dev/mqueue of containers", Need: Required, Roles: onWorkers, SeenBy: []string{"proc/filesystems:mqueue"}},
	{Option: "KEYS", For: "key rings of containers", Need: Recommended, Roles: onWorkers, SeenBy: []string{"proc/keys"}},
	{Option: "SECCOMP_FILTER", For: "seccomp profiles", Need: Recommended, Roles: onWorkers, SeenBy: []string{"proc/sys/kernel/seccomp"}},
	{
		Option: "OVERLAY_FS", Module: "overlay", For: "container images", Need: Required, Roles: onWorkers,
		SeenBy: []string{"proc/filesystems:overlay"},
	},

	{Option: "VETH", Module: "veth", For: "network of pods", Need: Required, Roles: onWorkers},
	{Option: "BRIDGE", Module: "bridge", For: "network of pods", Need: Required, Roles: onWorkers},
	{
		Option: "BRIDGE_NETFILTER", Module: "br_netfilter", For: "services of pods on the same machine", Need: Required, Roles: onWorkers,
		SeenBy: []string{"proc/sys/net/bridge"},
	},
	{
		Option: "VXLAN", Module: "vxlan", For: "flannel's vxlan backend", Need: Required, Roles: onWorkers,
		ToDo: "use a kernel that has it, or flannel's host-gw backend where all machines share a network",
	},
	{Option: "WIREGUARD", Module: "wireguard", For: "flannel's wireguard backend", Need: Optional, Roles: onWorkers},

	{
		Option: "NF_CONNTRACK", Module: "nf_conntrack", For: "services", Need: Required, Roles: onWorkers,
		SeenBy: []string{"proc/sys/net/netfilter/nf_conntrack_max"},
	},
	{Option: "NF_CT_NETLINK", Module: "nf_conntrack_netlink", For: "forgetting connections to pods that are gone", Need: Recommended, Roles: onWorkers},
	{Option: "NF_TABLES", Module: "nf_tables", For: "kube-proxy, flannel, portmap", Need: Required, Roles: onWorkers},
	{Option: "NF_TABLES_IPV4", For: "kube-proxy, flannel, portmap", Need: Required, Roles: onWorkers},
	{Option: "NFT_CT", Module: "nft_ct", For: "kube-proxy", Need: Required, Roles: onWorkers},
	{Option: "NFT_NAT", Module: "nft_nat", For: "kube-proxy, portmap", Need: Required, Roles: onWorkers},
	{Option: "NFT_MASQ", Module: "nft_masq", For: "kube-proxy, flannel, portmap", Need: Required, Roles: onWorkers},
	{Option: "NFT_FIB_IPV4", Module: "nft_fib_ipv4", For: "kube-proxy, portmap", Need: Required, Roles: onWorkers},
	{Option: "NFT_NUMGEN", Module: "nft_numgen", For: "kube-proxy's choice of a pod", Need: Required, Roles: onWorkers},
	{Option: "NFT_REJECT_IPV4", Module: "nft_reject_ipv4", For: "kube-proxy, services without pods", Need: Required, Roles: onWorkers},
	{Option: "NFT_COUNTER", Module: "nft_counter", For: "kube-proxy's counters", Need: Required, Roles: onWorkers, Vanished: true},
	{Option: "NFT_OBJREF", Module: "nft_objref", For: "kube-proxy's counters", Need: Required, Roles: onWorkers, Vanished: true},
	{Option: "NFT_FIB_IPV6", Module: "nft_fib_ipv6", For: "dual-stack clusters", Need: Optional, Roles: onWorkers},
	{Option: "NFT_REJECT_IPV6", Module: "nft_reject_ipv6", For: "dual-stack clusters", Need: Optional, Roles: onWorkers},
}

func checkKernelNeeds(host Host, k kernel, role Role) []Result {
	var results []Result
	for _, need := range kernelNeeds {
		if !slices.Contains(need.Roles, role) {
			continue
		}
		result := passed("kernel "+need.Option, need.For, need.Need, "")
		var found state
		found, result.Found = k.look(host.Root, need)
		switch {
		case found == absent:
			result.Verdict, result.ToDo = need.Need.missing(), need.advice(result.Found)
		case found == unknown && need.Need != Optional:
			result.Verdict, result.ToDo = Warning, "make sure that the kernel was built with CONFIG_"+need.Option
		case found == unknown:
			result.Verdict = Note
		}
		results = append(results, result)
	}
	return results
}

func (n kernelNeed) advice(found string) string {
	switch {
	case n.ToDo != "":
		return n.ToDo
	case strings.Contains(found, "but the module is not below"):
		return "install the modules of the running kernel, or reboot into the kernel whose modules are installed"
	default:
		return "use a kernel that was built with CONFIG_" + n.Option
	}
}
