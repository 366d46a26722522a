package cli

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"kedge/internal/version"
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

func allEnv(helpers HelperVersions) Env {
	settings := []version.Setting{{Key: "GOARM", Value: "7"}, {Key: "-tags", Value: "without_etcd"}}
	return Env{Build: version.Build{Version: "v1.2.3", Date: "2026-01-02T03:04:05Z", Settings: settings}, Helpers: helpers}
}

func runWith(env Env, args ...string) result {
	var stdout, stderr strings.Builder
	env.Stdout, env.Stderr = &stdout, &stderr
	code := Run(env, args)
	return result{code, stdout.String(), stderr.String()}
}

func TestVersionAllText(t *testing.T) {
	env := allEnv(func() (map[string]string, error) { return map[string]string{"runc": "v1.5.2", "cni": "v1.9.1"}, nil })
	want := `
Helpers inside this file:
cni   v1.9.1
runc  v1.5.2

What the build was told:
date   2026-01-02T03:04:05Z
-tags  without_etcd
GOARM  7
`
	if got := runWith(env, "version", "--all"); !strings.HasSuffix(got.stdout, want) || got.code != 0 {
		t.Errorf("exit code %d, stdout:\n%s\nwant at its end:\n%s", got.code, got.stdout, want)
	}
}

func TestVersionAllJSON(t *testing.T) {
	helpers := map[string]string{"runc": "v1.5.2"}
	got := runWith(allEnv(func() (map[string]string, error) { return helpers, nil }), "version", "--all", "-o", "json")
	var report versionReport
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if report.Build == nil || !maps.Equal(report.Helpers, helpers) || report.Build.Date != "2026-01-02T03:04:05Z" {
		t.Fatalf("report = %s", got.stdout)
	}
	if want := map[string]string{"GOARM": "7", "-tags": "without_etcd"}; !maps.Equal(report.Build.Settings, want) {
		t.Errorf("settings = %q; want %q", report.Build.Settings, want)
	}
}

func TestVersionAllOfADevelopmentBuild(t *testing.T) {
	got := runWith(allEnv(func() (map[string]string, error) { return nil, nil }), "version", "--all")
	if got.code != 0 || !strings.Contains(got.stdout, "none") {
		t.Errorf("exit code %d, stdout:\n%s", got.code, got.stdout)
	}
	// The test's own executable carries nothing either.
	if got := runWith(allEnv(nil), "version", "--all", "-o", "json"); got.code != 0 || strings.Contains(got.stdout, `"helpers"`) {
		t.Errorf("exit code %d, stderr %q, stdout:\n%s", got.code, got.stderr, got.stdout)
	}
}

func TestVersionAllOfADamagedFile(t *testing.T) {
	env := allEnv(func() (map[string]string, error) { return nil, errors.New("the file is cut off") })
	got := runWith(env, "version", "--all")
	if got.code != exitFailure || got.stdout != "" || !strings.Contains(got.stderr, "the file is cut off") {
		t.Errorf("%+v", got)
	}
	if got := runWith(env, "version"); got.code != 0 {
		t.Errorf("without --all nobody asks for the helpers, but: %+v", got)
	}
}
