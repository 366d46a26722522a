"""The settings of a node without a control plane, as files of the machine's disk."""

import json

PAUSE = "bench.invalid/pause:1"

# No names for users but root's; the kubelet and containerd look for files that every Linux has.
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/hosts": "127.0.0.1 localhost edge1\n",
    "etc/resolv.conf": "",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/containerd.toml": f"""\
version = 3
[plugins.'io.containerd.cri.v1.images']
  disable_snapshot_annotations = true
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{PAUSE}'
[plugins.'io.containerd.cri.v1.runtime'.cni]
  conf_dir = '/etc/cni'
  bin_dirs = ['/run/cni']
[plugins.'io.containerd.nri.v1.nri']
  disable = true
""",
    "etc/cni/10-bridge.conflist": json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": "cni0",
                    "isGateway": True,
                    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]]},
                }
            ],
        }
    ),
    "etc/kubelet.json": json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "staticPodPath": "/etc/pods",
            "fileCheckFrequency": "2s",
            "resolvConf": "/etc/resolv.conf",
            # An emulated processor is slow.
            "runtimeRequestTimeout": "10m",
            "makeIPTablesUtilChains": False,
        }
    ),
    "etc/pod.json": json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "pause-NUMBER", "namespace": "default", "uid": "pause-NUMBER"},
            "spec": {"containers": [{"name": "pause", "image": PAUSE, "imagePullPolicy": "Never"}]},
        }
    ),
}
# Where other file systems are mounted, and what programs take for granted.
DIRECTORIES = ("bin", "dev", "etc/pods", "proc", "root", "run", "sys/fs/cgroup", "tmp", "usr/bin", "var/lib", "var/log")
