package nodereset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kedge/internal/layout"
)

// pods is what the kubelet and containerd noted about the pods of this node.
type pods struct {
	// uids are the pods'.
	uids []string
	// containers are by namespace of containerd.
	containers []container
	// networks are the files that hold the pods' network namespaces.
	networks []string
}

type container struct{ namespace, id string }

// idLength is that of the names that the kubelet and containerd's CRI give. A
// shorter one, which a user chose, proves nothing on its own.
const idLength = 32

// findPods reads the directories, which outlive the programs.
func findPods(l layout.Layout) (pods, error) {
	var found pods
	known := make(map[container]bool)
	networks := make(map[string]bool)
	uids, err := names(filepath.Join(l.Kubelet(), "pods"))
	found.uids = slices.DeleteFunc(uids, func(uid string) bool { return len(uid) < idLength })
	problems := []error{err}
	for _, parent := range []string{l.ContainerdState(), l.Containerd()} {
		tasks := filepath.Join(parent, "io.containerd.runtime.v2.task")
		namespaces, err := names(tasks)
		problems = append(problems, err)
		for _, namespace := range namespaces {
			ids, err := names(filepath.Join(tasks, namespace))
			problems = append(problems, err)
			for _, id := range ids {
				known[container{namespace, id}] = true
				if file := networkOf(filepath.Join(tasks, namespace, id, "config.json")); file != "" {
					networks[file] = true
				}
			}
		}
	}
	reserved, err := reservations(filepath.Join(l.CNIAddresses(), networkName))
	problems = append(problems, err)
	for _, id := range reserved {
		known[container{criNamespace, id}] = true
	}
	found.containers = slices.SortedFunc(maps.Keys(known), func(a, b container) int { return strings.Compare(a.id, b.id) })
	found.networks = slices.Sorted(maps.Keys(networks))
	if err := errors.Join(problems...); err != nil {
		return found, fmt.Errorf("find this node's pods: %w", err)
	}
	return found, nil
}

const (
	// criNamespace is where containerd keeps the containers of pods.
	criNamespace = "k8s.io"
	// networkName is what the network of pods is called in its configuration.
	networkName = "kedge"
	// namespaceFiles is where containerd puts the files that hold pods' network namespaces.
	namespaceFiles = "/run/netns/cni-"
)

// networkOf is the network namespace that a container was told to use, where
// containerd made it; empty: there is none.
func networkOf(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return "" // a container that is half made or half gone
	}
	var spec struct {
		Linux struct {
			Namespaces []struct{ Type, Path string } `json:"namespaces"`
		} `json:"linux"`
	}
	if err := json.Unmarshal(content, &spec); err != nil {
		return ""
	}
	for _, each := range spec.Linux.Namespaces {
		path := filepath.Clean(strings.Replace(each.Path, "/var/run/", "/run/", 1))
		if each.Type == "network" && strings.HasPrefix(path, namespaceFiles) {
			return path
		}
	}
	return ""
}

// reservations are the containers for which addresses are reserved: each address
// is a file, whose first line is the container.
func reservations(dir string) ([]string, error) {
	files, err := names(dir)
	var ids []string
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(dir, file))
		id, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
		if id = strings.TrimSpace(id); err == nil && len(id) >= idLength {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// names lists a directory, which need not be there.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found, err
}
