package config

import "testing"

func TestPauseReference(t *testing.T) {
	for name, test := range map[string]struct {
		images Images
		want   string
	}{
		"as released":         {Images{}, "kedge.local/pause:1.0.0"},
		"of another registry": {Images{Repository: "registry.example.com:5000/mirror"}, "registry.example.com:5000/mirror/pause:1.0.0"},
		"another image":       {Images{Pause: Image{Image: "registry.example.com/k8s/pause", Version: "3.10"}}, "registry.example.com/k8s/pause:3.10"},
		"both": {
			Images{Repository: "mirror.example.com", Pause: Image{Image: "localhost/k8s/pause", Version: "3.10"}}, "mirror.example.com/k8s/pause:3.10",
		},
		"without a registry": {Images{Repository: "mirror.example.com", Pause: Image{Image: "library/pause", Version: "1"}}, "mirror.example.com/library/pause:1"},
		"one word":           {Images{Repository: "mirror.example.com", Pause: Image{Image: "pause", Version: "1"}}, "mirror.example.com/pause:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.images.PauseReference("kedge.local/pause:1.0.0"); got != test.want {
				t.Errorf("reference = %q; want %q", got, test.want)
			}
		})
	}
}
