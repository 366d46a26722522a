package workerconfig

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	kubelet "k8s.io/kubelet/config/v1beta1"
)

// TestKubeletsKnowTheFields reads the profiles as strictly as no kubelet does: it
// would start without a field that is misspelt.
func TestKubeletsKnowTheFields(t *testing.T) {
	for name, values := range Profiles(nil) {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			decoder := json.NewDecoder(bytes.NewReader(encoded))
			decoder.DisallowUnknownFields()
			var read kubelet.KubeletConfiguration
			if err := decoder.Decode(&read); err != nil {
				t.Fatal(err)
			}
			if read.MergeDefaultEvictionSettings == nil || !*read.MergeDefaultEvictionSettings {
				t.Error("the thresholds of disks are off")
			}
			if high, low := read.ImageGCHighThresholdPercent, read.ImageGCLowThresholdPercent; high != nil && *low >= *high {
				t.Errorf("images are removed from %d %% on, until %d %%", *high, *low)
			}
		})
	}
}

func TestSmallerMachinesRunLess(t *testing.T) {
	profiles := Profiles(nil)
	for _, name := range []string{"maxPods", "nodeStatusMaxImages"} {
		if profiles["tiny"][name].(int) >= profiles["small"][name].(int) {
			t.Errorf("%s of tiny is %v, of small %v", name, profiles["tiny"][name], profiles["small"][name])
		}
	}
}

func TestUsersProfileLiesOverABuiltInOne(t *testing.T) {
	profiles := Profiles([]Profile{
		{"tiny", map[string]any{"maxPods": 5, "evictionHard": map[string]any{"nodefs.available": "5%"}}},
		{"camera", map[string]any{"maxPods": 3}},
		{"default", map[string]any{"maxPods": 200, "serializeImagePulls": false}},
	})
	tiny := profiles["tiny"]
	if tiny["maxPods"] != 5 || tiny["containerLogMaxSize"] != "1Mi" {
		t.Errorf("tiny = %v", tiny)
	}
	if want := map[string]any{"memory.available": "25Mi", "nodefs.available": "5%"}; !reflect.DeepEqual(tiny["evictionHard"], want) {
		t.Errorf("evictionHard = %v; want %v", tiny["evictionHard"], want)
	}
	// Not the user's default: a profile means the same whatever others say.
	if want := map[string]any{"maxPods": 3, "serializeImagePulls": true, "mergeDefaultEvictionSettings": true}; !reflect.DeepEqual(profiles["camera"], want) {
		t.Errorf("camera = %v; want %v", profiles["camera"], want)
	}
	if profiles["default"]["serializeImagePulls"] != false || profiles["small"]["maxPods"] != 50 {
		t.Errorf("default = %v, small = %v", profiles["default"], profiles["small"])
	}
}
