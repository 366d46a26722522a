package cli

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestVersionText(t *testing.T) {
	want := `kedge           v1.2.3  (go1.26.8, linux/arm/v7)
kube-apiserver  v1.37.2
kubelet         v1.37.2
etcd            none
`
	if got := run(t, "version"); got.stdout != want || got.code != 0 {
		t.Errorf("exit code %d, stdout:\n%s\nwant:\n%s", got.code, got.stdout, want)
	}
}

func TestVersionJSON(t *testing.T) {
	got := run(t, "version", "-o", "json")
	var report versionReport
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if report.Version != "v1.2.3" || report.GoVersion != "go1.26.8" || report.OS != "linux" || report.Arch != "arm" || report.Variant != "v7" {
		t.Errorf("report = %+v", report)
	}
	want := []componentVersion{
		{Name: "kube-apiserver", Version: "v1.37.2", Module: "k8s.io/kubernetes", Sum: "h1:kubernetes"},
		{Name: "kubelet", Version: "v1.37.2", Module: "k8s.io/kubernetes", Sum: "h1:kubernetes"},
		{Name: "etcd", Version: "none", Module: "go.etcd.io/etcd/server/v3"},
	}
	if !slices.Equal(report.Components, want) {
		t.Errorf("components = %+v; want %+v", report.Components, want)
	}
}
