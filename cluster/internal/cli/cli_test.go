package cli

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

// contracts is where samples of configurations are.
const contracts = "../../../tests/contracts/clusterconfig/"

// result is what a caller of the process would see.
type result struct {
	code   int
	stdout string
	stderr string
}

func run(t *testing.T, args ...string) result {
	t.Helper()
	table, err := multicall.NewTable([]multicall.Program{
		{Name: "kube-apiserver", Summary: "Kubernetes API server", Module: "k8s.io/kubernetes"},
		{Name: "kubelet", Summary: "Kubernetes node agent", Module: "k8s.io/kubernetes"},
		{Name: "etcd", Summary: "Distributed store", Module: "go.etcd.io/etcd/server/v3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	build := version.FromBuildInfo(&debug.BuildInfo{Deps: []*debug.Module{
		{Path: "k8s.io/kubernetes", Version: "v1.37.2", Sum: "h1:kubernetes"},
	}})
	build.Version, build.GoVersion = "v1.2.3", "go1.26.8"
	build.OS, build.Arch, build.Variant = "linux", "arm", "v7"
	code := Run(Env{Stdout: &stdout, Stderr: &stderr, Table: table, Build: build}, args)
	return result{code, stdout.String(), stderr.String()}
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name       string
		args       []string
		wantCode   int
		wantStdout []string // parts
		wantStderr []string
	}{
		{"help", []string{"--help"}, 0, []string{"Components:", "kubelet", "Kubernetes node agent", "Commands:", "version"}, nil},
		{"nothing is help", nil, 0, []string{"Components:"}, nil},
		{"help command", []string{"help", "version"}, 0, []string{"kedge version", "--output"}, nil},
		{"version flag", []string{"--version"}, 0, []string{"kedge version v1.2.3"}, nil},
		{"completion of a word", []string{"__complete", "kube"}, 0, []string{"kubelet", "kube-apiserver"}, []string{"ShellCompDirective"}},
		{"completion", []string{"completion", "bash"}, 0, []string{"__start_kedge"}, nil},
		{"misspelt component", []string{"kubelte", "--v=2"}, 2, nil, []string{`unknown component or command "kubelte"`, "Did you mean 'kubelet'?", "kedge --help"}},
		{"misspelt command", []string{"verison"}, 2, nil, []string{"Did you mean 'version'?"}},
		{"nothing near", []string{"zzzzzz"}, 2, nil, []string{`unknown component or command "zzzzzz"`, "kedge --help"}},
		{"unknown flag", []string{"--nonsense"}, 2, nil, []string{"unknown flag: --nonsense", "kedge --help"}},
		{"unknown flag of a command", []string{"version", "--nonsense"}, 2, nil, []string{"kedge version --help"}},
		{"unknown output format", []string{"version", "-o", "yaml"}, 2, nil, []string{`unknown output format "yaml"`, "json"}},
		{"version with an argument", []string{"version", "kubelet"}, 2, nil, []string{`"kubelet"`}},
		{"configuration", []string{"config", "create"}, 0, []string{"apiVersion: kedge/v1\n", "podCIDR: 10.244.0.0/16"}, nil},
		{"schema", []string{"config", "schema"}, 0, []string{`"title": "ClusterConfig"`}, nil},
		{"reference", []string{"config", "reference"}, 0, []string{"| `spec.api.port` |"}, nil},
		{"good configuration", []string{"config", "validate", "-c", contracts + "good/everything.yaml"}, 0, nil, nil},
		{"bad configuration", []string{"config", "validate", "-c", contracts + "bad/twice.yaml"}, 2, nil, []string{"bad/twice.yaml:5:3: spec.api: "}},
		{"no configuration", []string{"config", "validate"}, 2, nil, []string{"--config"}},
		{"configuration that is not there", []string{"config", "validate", "-c", "/nonexistent"}, 1, nil, []string{"/nonexistent"}},
		{"images of a configuration", []string{"airgap", "list-images", "-c", contracts + "good/everything.yaml"}, 0, []string{"registry.example.com:5000/mirror/pause:3.10.2\n"}, nil},
		{"images of a file without any", []string{"airgap", "list-images", "--file", sample("good-armv7")}, 1, nil, []string{"spec.images.pause"}},
		{"half a command", []string{"config"}, 2, nil, []string{"'kedge config' needs a further word", "kedge config --help"}},
		{"wrong half of a command", []string{"config", "vaildate"}, 2, nil, []string{`unknown command "vaildate"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := run(t, test.args...)
			if got.code != test.wantCode {
				t.Errorf("exit code %d; want %d", got.code, test.wantCode)
			}
			wantParts(t, "stdout", got.stdout, test.wantStdout)
			wantParts(t, "stderr", got.stderr, test.wantStderr)
		})
	}
}

// wantParts also insists on silence where no part is expected.
func wantParts(t *testing.T, stream, got string, parts []string) {
	t.Helper()
	if len(parts) == 0 && got != "" {
		t.Errorf("%s is %q; want nothing", stream, got)
	}
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %q:\n%s", stream, part, got)
		}
	}
}

// Kubernetes registers a --version of its own for every command of the process.
func TestFlagsOfThePackagesInsideAreNotKedges(t *testing.T) {
	before := pflag.CommandLine
	t.Cleanup(func() { pflag.CommandLine = before })
	pflag.CommandLine = pflag.NewFlagSet("upstream", pflag.ContinueOnError)
	pflag.String("version", "", "of another type than cobra's")
	pflag.String("upstream-flag", "", "")

	if got := run(t, "--version"); got.code != 0 || got.stdout != "kedge version v1.2.3\n" {
		t.Errorf("--version: %+v", got)
	}
	pflag.String("upstream-flag", "", "")
	if got := run(t, "--help"); strings.Contains(got.stdout, "upstream-flag") {
		t.Errorf("help shows flags of upstream:\n%s", got.stdout)
	}
}

func TestNoSuggestionForAWordThatResemblesNothing(t *testing.T) {
	if got := run(t, "zzzzzz").stderr; strings.Contains(got, "Did you mean") {
		t.Errorf("stderr suggests something: %s", got)
	}
}

func TestRefuseAbsent(t *testing.T) {
	var stdout, stderr bytes.Buffer
	env := Env{Stdout: &stdout, Stderr: &stderr, Build: version.Build{Tags: []string{"without_etcd", "without_kubectl"}}}
	if code := RefuseAbsent(env, "etcd"); code != exitUsage {
		t.Errorf("exit code %d; want %d", code, exitUsage)
	}
	wantParts(t, "stdout", stdout.String(), nil)
	wantParts(t, "stderr", stderr.String(), []string{"does not have etcd", "without_etcd, without_kubectl", "kedge --help"})
}
