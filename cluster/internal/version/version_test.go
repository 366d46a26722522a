package version

import (
	"runtime/debug"
	"slices"
	"testing"
)

func module(path, version, sum string) *debug.Module {
	return &debug.Module{Path: path, Version: version, Sum: sum}
}

func TestModule(t *testing.T) {
	staged := module("k8s.io/api", "v0.0.0", "")
	staged.Replace = module("k8s.io/api", "v0.37.2", "h1:api")
	patched := module("k8s.io/kubernetes", "v1.37.2", "h1:original")
	patched.Replace = module("./patched/kubernetes", "", "")
	patchedKine := module("github.com/k3s-io/kine", "v0.17.5", "h1:kine")
	patchedKine.Replace = module("/patched/kine", "(devel)", "")
	build := FromBuildInfo(&debug.BuildInfo{Main: *module("kedge", "(devel)", ""), Deps: []*debug.Module{
		module("go.etcd.io/etcd/server/v3", "v3.7.3", "h1:etcd"), staged, patched, patchedKine,
	}})
	for _, test := range []struct {
		name string
		path string
		want Module
	}{
		{"plain", "go.etcd.io/etcd/server/v3", Module{"go.etcd.io/etcd/server/v3", "v3.7.3", "h1:etcd"}},
		{"replaced by another version", "k8s.io/api", Module{"k8s.io/api", "v0.37.2", "h1:api"}},
		{"replaced by a directory", "k8s.io/kubernetes", Module{"k8s.io/kubernetes", "v1.37.2+patched", ""}},
		{"replaced by a directory, as the linker tells", "github.com/k3s-io/kine", Module{"github.com/k3s-io/kine", "v0.17.5+patched", ""}},
		{"kedge itself", "kedge", Module{"kedge", Version, ""}},
		{"not linked", "example.test/other", Module{"example.test/other", Missing, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := build.Module(test.path); got != test.want {
				t.Errorf("Module(%q) = %+v; want %+v", test.path, got, test.want)
			}
		})
	}
}

func TestPlatform(t *testing.T) {
	for _, test := range []struct {
		name  string
		build Build
		want  string
	}{
		{"no variant", Build{OS: "linux", Arch: "arm64"}, "linux/arm64"},
		{"armv7", Build{OS: "linux", Arch: "arm", Variant: "v7"}, "linux/arm/v7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.build.Platform(); got != test.want {
				t.Errorf("Platform() = %q; want %q", got, test.want)
			}
		})
	}
}

func TestBuildSettings(t *testing.T) {
	given := []debug.BuildSetting{
		{Key: "-tags", Value: "without_etcd,without_kubectl"}, {Key: "-trimpath", Value: "true"}, {Key: "GOARM", Value: "7"},
	}
	build := FromBuildInfo(&debug.BuildInfo{Settings: given})
	if build.Variant != "v7" {
		t.Errorf("Variant = %q; want v7", build.Variant)
	}
	if want := []string{"without_etcd", "without_kubectl"}; !slices.Equal(build.Tags, want) {
		t.Errorf("Tags = %q; want %q", build.Tags, want)
	}
	if want := []Setting{{"-tags", "without_etcd,without_kubectl"}, {"-trimpath", "true"}, {"GOARM", "7"}}; !slices.Equal(build.Settings, want) {
		t.Errorf("Settings = %q; want %q", build.Settings, want)
	}
	if none := FromBuildInfo(&debug.BuildInfo{}); len(none.Tags) != 0 || none.Variant != "" {
		t.Errorf("without settings: Tags = %q, Variant = %q", none.Tags, none.Variant)
	}
}

func TestCheckStamp(t *testing.T) {
	linked := Module{Path: "k8s.io/kubernetes", Version: "v1.37.2"}
	patched := Module{Path: "k8s.io/kubernetes", Version: "v1.37.2+patched"}
	for _, test := range []struct {
		name     string
		reported string
		module   Module
		want     Stamp
		wantErr  bool
	}{
		{"true", "v1.37.2", linked, StampTrue, false},
		{"vendor's mark", "v1.37.2+kedge1", linked, StampTrue, false},
		{"patched module", "v1.37.2", patched, StampTrue, false},
		{"placeholder", "v0.0.0-master+$Format:%H$", linked, StampAbsent, false},
		{"empty", "", linked, StampAbsent, false},
		{"other patch release", "v1.37.1", linked, StampAbsent, true},
		{"longer version", "v1.37.20", linked, StampAbsent, true},
		{"pre-release", "v1.37.2-rc.0", linked, StampAbsent, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := CheckStamp(test.reported, test.module)
			if got != test.want || (err != nil) != test.wantErr {
				t.Errorf("CheckStamp(%q, %s) = %v, %v; want %v, error %v", test.reported, test.module.Version, got, err, test.want, test.wantErr)
			}
		})
	}
}
