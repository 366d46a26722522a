package words

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"kube-apiserver", "kube-scheduler", "kubelet", "kine", "etcd", "konnectivity-server", "konnectivity-agent", "version", "podCIDR"}
	for _, test := range []struct {
		name string
		word string
		want string // empty: nothing is near
	}{
		{"swapped letters", "kubelte", "kubelet"},
		{"missing letter", "kubelt", "kubelet"},
		{"extra letter", "kinee", "kine"},
		{"wrong letter", "etcb", "etcd"},
		{"upper case", "KUBELET", "kubelet"},
		{"the nearer of two", "konnectivity-agnet", "konnectivity-agent"},
		{"without its prefix", "apiserver", "kube-apiserver"},
		{"lower case", "podcidr", "podCIDR"},
		{"underscore", "kube_scheduler", "kube-scheduler"},
		{"part of several", "konnectivity", ""},
		{"part of several, short", "kub", ""},
		{"unlike all", "docker", ""},
		{"empty", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Nearest(test.word, known)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("Nearest(%q) = %q, %v; want %q", test.word, got, ok, test.want)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"abc", "abd", 1},
		{"abc", "xabc", 1},
		{"größe", "grösse", 2},
	} {
		t.Run(test.a+" "+test.b, func(t *testing.T) {
			if got := distance(test.a, test.b); got != test.want {
				t.Errorf("distance = %d; want %d", got, test.want)
			}
			if got := distance(test.b, test.a); got != test.want {
				t.Errorf("distance backwards = %d; want %d", got, test.want)
			}
		})
	}
}
