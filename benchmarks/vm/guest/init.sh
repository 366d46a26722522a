#!/bin/busybox sh
# shellcheck shell=dash
# Measures kedge on this machine and prints what it finds, in lines that begin with '@' (console.py reads them).
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/root

say() { echo "@$*"; }
seconds() { cut -d' ' -f1 /proc/uptime; }
fail() {
	say "failed $*"
	tail -n 25 /var/log/*.log
	finish
}
finish() {
	say end
	sync
	poweroff -f
	sleep 60
}
# timed NAME COMMAND...: how long the command takes.
timed() {
	what=$1
	shift
	begin=$(seconds)
	"$@" >/tmp/output 2>&1 || { cat /tmp/output; fail "$what"; }
	say "time what=$what from=$begin to=$(seconds)"
}
# peak COMMAND...: the largest resident set and the last own memory that could be seen of it (proc(5), status).
peak() {
	"$@" >/dev/null 2>&1 &
	seen=''
	while values=$(awk '/^(VmHWM|RssAnon):/ {printf " %s=%s", substr($1, 1, length($1) - 1), $2}' "/proc/$!/status") &&
		[ -n "$values" ]; do
		seen=$values
	done 2>/dev/null
	say "peak$seen"
}
# memory SETTING PODS: every process of kedge and every shim, in kB (proc(5), smaps_rollup).
memory() {
	for process in /proc/[0-9]*; do
		name=$(tr '\0' ' ' <"$process/cmdline" 2>/dev/null)
		case $name in
		*/containerd-shim-runc-v2\ *) name=shim ;;
		kedge\ *) name=${name#kedge } name=${name%% *} ;;
		*) continue ;;
		esac
		values=$(awk '/^(Rss|Pss|Anonymous):/ {printf " %s=%s", substr($1, 1, length($1) - 1), $2}' "$process/smaps_rollup")
		say "memory setting=$1 pods=$2 process=$name pid=${process#/proc/}$values"
		# What of the executable's file this process has mapped.
		grep ' /usr/bin/kedge$' "$process/maps" | while read -r line; do say "map process=$name $line"; done
	done
	say "free setting=$1 pods=$2 $(awk '/^(MemFree|Cached):/ {printf " %s=%s", substr($1, 1, length($1) - 1), $2}' /proc/meminfo)"
}
# until_so WHAT SECONDS COMMAND...: wait until the command succeeds.
until_so() {
	what=$1 left=$2
	shift 2
	until "$@" >/tmp/until 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || { cat /tmp/until; fail "$what"; }
		sleep 1
	done
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ip link set lo up
hostname edge1
ulimit -n 65536
say "kernel $(uname -rm)"
sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control

PAUSE='' PODS='' SETTINGS='' CONTAINERS='' SETTLE_S=''
# shellcheck source=/dev/null
. /settings
timed version kedge version
# Again with the executable in the page cache.
timed version-again kedge version
peak kedge version
timed unpack-first kedge payload unpack
timed unpack-second kedge payload unpack
kedge sysinfo 2>&1 | while read -r line; do say "sysinfo $line"; done
helpers=$(echo /var/lib/kedge/helpers/*)
[ -x "$helpers/bin/runc" ] || fail "the helpers are not in $helpers"
export PATH="$helpers/bin:$PATH"
ln -s "$helpers/cni" /run/cni

start_containerd() {
	begin=$(seconds)
	# Its environment is that of the shims.
	env "$@" kedge containerd --config /etc/containerd.toml >>/var/log/containerd.log 2>&1 &
	containerd=$!
	until_so "containerd does not answer" 240 kedge ctr version
	say "time what=containerd-start from=$begin to=$(seconds)"
}
ctr() { kedge ctr --namespace k8s.io "$@"; }
running() { ctr task list --quiet | wc -l; }
# start_containers SETTING COUNT: containers without a pod, each with a shim of its own.
start_containers() {
	for number in $(seq "$2"); do
		ctr run --detach "$PAUSE" "$1-$number" || fail "starting a container"
	done
}
end_containers() {
	for name in $(ctr container list --quiet); do
		ctr task delete --force "$name" >/dev/null
		ctr container delete "$name"
	done
}
# Pods of a kubelet without an API server. Two tasks for each shim: the sandbox and the container.
start_pods() {
	for number in $(seq "$1"); do
		sed "s/NUMBER/$number/g" /etc/pod.json >"/etc/pods/$number.json"
	done
	expected=$((2 * $1))
	until_so "$1 pods are not running" 900 enough
}
enough() { [ "$(running)" -ge "$expected" ]; }

start_containerd
timed import kedge ctr --namespace k8s.io image import /pause.tar
kedge kubelet --config /etc/kubelet.json --hostname-override=edge1 >/var/log/kubelet.log 2>&1 &
kubelet=$!
for pods in $PODS; do
	begin=$(seconds)
	start_pods "$pods"
	say "time what=pods-$pods from=$begin to=$(seconds)"
	sleep "$SETTLE_S"
	memory kubelet "$pods"
done
kill $kubelet
wait $kubelet
sleep 3
end_containers
for setting in $SETTINGS; do
	kill $containerd
	wait $containerd
	# shellcheck disable=SC2046 # one word for each variable
	start_containerd $(echo "$setting" | tr ',' ' ')
	start_containers "$(echo "$setting" | tr -c 'A-Za-z0-9\n' -)" "$CONTAINERS"
	sleep "$SETTLE_S"
	memory "$setting" "$CONTAINERS"
	end_containers
done
finish
