package workerconfig

import "maps"

// DefaultProfile is the one of a worker that chooses none, and the one that
// profiles of a user's own begin with.
const DefaultProfile = "default"

// Profile is settings of kubelets under a name.
type Profile struct {
	Name   string
	Values map[string]any // fields of a KubeletConfiguration
}

// builtIn are the profiles that every cluster has. Sizes are of the machine's
// memory. A machine is not asked which it has: a profile says what may run there,
// and that should not change when a module is added.
func builtIn() []Profile {
	return []Profile{
		{DefaultProfile, map[string]any{
			// One image at a time: two that are unpacked side by side take twice
			// the memory, and a card is not faster for it.
			"serializeImagePulls": true,
			// Whoever sets one threshold means that one, and does not want the
			// others to be off.
			"mergeDefaultEvictionSettings": true,
		}},
		{"small", small()}, // about 1 GB
		{"tiny", tiny()},   // 512 MB and less
	}
}

func small() map[string]any {
	return map[string]any{
		"serializeImagePulls":          true,
		"mergeDefaultEvictionSettings": true,
		// Upstream's 100Mi are a tenth of the machine that nothing would use.
		"evictionHard": map[string]any{"memory.available": "50Mi"},
		// Upstream begins to remove images at 85 % of the disk, where it begins
		// to evict pods as well: one layer that arrives meanwhile ends a pod.
		"imageGCHighThresholdPercent": 75,
		"imageGCLowThresholdPercent":  65,
		// With upstream's five files of 10Mi, fifty containers could fill 2.5 GB
		// of a card.
		"containerLogMaxSize":  "2Mi",
		"containerLogMaxFiles": 2,
		// Every node's list of images is sent, stored and watched by others.
		"nodeStatusMaxImages": 10,
		// A pod's shim and pause take 5 MB before the pod has done anything: of
		// upstream's 110 more than half of the memory.
		"maxPods": 50,
	}
}

func tiny() map[string]any {
	values := small()
	// The kernel's own work takes memory too, and counts as used. With 256 MB and
	// ten pods about 40 MB are left: with 50Mi there the kubelet would evict pods
	// for ever; with less than 25Mi the machine would page its own programs.
	values["evictionHard"] = map[string]any{"memory.available": "25Mi"}
	values["containerLogMaxSize"] = "1Mi"
	values["nodeStatusMaxImages"] = 5
	values["maxPods"] = 30
	return values
}

// Profiles are the built-in ones and the user's, by name. A user's profile lies
// over the built-in one of its name, or over the default: what it does not
// mention stays.
func Profiles(users []Profile) map[string]map[string]any {
	profiles := make(map[string]map[string]any)
	for _, profile := range builtIn() {
		profiles[profile.Name] = profile.Values
	}
	beginning := maps.Clone(profiles)
	for _, profile := range users {
		below, isBuiltIn := beginning[profile.Name]
		if !isBuiltIn {
			below = beginning[DefaultProfile]
		}
		profiles[profile.Name] = merge(below, profile.Values)
	}
	return profiles
}

// merge lays values over others, maps key by key.
func merge(below, above map[string]any) map[string]any {
	merged := maps.Clone(below)
	for name, value := range above {
		inner, isMap := value.(map[string]any)
		outer, wasMap := merged[name].(map[string]any)
		if isMap && wasMap {
			value = merge(outer, inner)
		}
		merged[name] = value
	}
	return merged
}
