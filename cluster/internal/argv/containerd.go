package argv

import (
	"fmt"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"kedge/internal/layout"
)

// ContainerdArgs name the file.
func ContainerdArgs(l layout.Layout) []string { return []string{"--config=" + l.ContainerdConfig()} }

// ContainerdConfig is containerd's file.
func ContainerdConfig(n Node, l layout.Layout) ([]byte, error) {
	socket, cni := l.ContainerdSocket(), n.CNI(l)
	config := map[string]any{
		"version": 4,
		"root":    l.Containerd(),
		"state":   l.ContainerdState(),
		"disabled_plugins": []string{
			// They watch and change containers for programs that a device does not have.
			"io.containerd.nri.v1.nri", "io.containerd.monitor.container.v1.restart", "io.containerd.tracing.processor.v1.otlp",
			"io.containerd.internal.v1.tracing",
		},
		"plugins": map[string]any{
			"io.containerd.server.v1.grpc":  map[string]any{"address": socket},
			"io.containerd.server.v1.ttrpc": map[string]any{"address": socket + ".ttrpc"},
			// Whatever stands in /run/containerd is another containerd's.
			"io.containerd.shim.v1.manager": map[string]any{"socket_dir": l.ShimSockets()},
			"io.containerd.internal.v1.opt": map[string]any{"path": filepath.Join(l.Containerd(), "opt")},
			"io.containerd.cri.v1.images": map[string]any{
				"pinned_images": map[string]any{"sandbox": n.Pause},
				// Layers whose files are unpacked need not lie on the card twice.
				"discard_unpacked_layers":      true,
				"disable_snapshot_annotations": true,
			},
			"io.containerd.cri.v1.runtime": map[string]any{
				"cni": map[string]any{
					"bin_dirs": cni.Binaries, "conf_dir": cni.Configuration, "use_internal_loopback": true,
				},
				"restrict_oom_score_adj": n.Confined,
				// Every second, as upstream has it, each container costs a call to its
				// shim, and nobody asks: the kubelet looks itself.
				"stats_collect_period": "30s",
				"containerd":           map[string]any{"runtimes": map[string]any{"runc": n.runtime(l)}},
			},
		},
	}
	encoded, err := toml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("write containerd's configuration: %w", err)
	}
	return encoded, nil
}

// runtime is how containers are started: by the shim and the runc that kedge carries.
func (n Node) runtime(l layout.Layout) map[string]any {
	return map[string]any{
		"runtime_type": "io.containerd.runc.v2",
		"runtime_path": filepath.Join(n.Helpers, "bin", "containerd-shim-runc-v2"),
		"options": map[string]any{
			"BinaryName":    filepath.Join(n.Helpers, "bin", "runc"),
			"Root":          l.RuncState(),
			"SystemdCgroup": n.Systemd,
		},
	}
}
