// Package layers keeps the direction of kedge's imports. It has no code.
package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is this module's path.
const module = "kedge"

// rule says what packages may import. Patterns are as in path.Match.
type rule struct {
	packages string
	own      []string // packages of this module
	// cheap packages import only what is listed here besides the standard
	// library, so that they compile and are tested in seconds. nil: anything.
	foreign []string
}

// none is for packages that stand on the standard library alone.
var none = []string{}

// upstreamClients are for packages that ask the API server: no component of
// upstream is among them.
var upstreamClients = []string{
	"k8s.io/api/*/*", "k8s.io/apimachinery/pkg/*", "k8s.io/apimachinery/pkg/*/*", "k8s.io/apimachinery/pkg/*/*/*", "k8s.io/apimachinery/pkg/*/*/*/*",
	"k8s.io/client-go/*", "k8s.io/client-go/*/*", "k8s.io/client-go/*/*/*",
}

// rules has an entry for every package. One without fails the test, so that a
// new package finds its place here first.
var rules = []rule{
	{"kedge/cmd/kedge", []string{"kedge/internal/cli", "kedge/internal/components", "kedge/internal/heap", "kedge/internal/version"}, none},
	{"kedge/cmd/cni", []string{"kedge/internal/multicall"}, []string{"github.com/containernetworking/cni/pkg/invoke", "github.com/containernetworking/cni/pkg/types", "github.com/containernetworking/plugins/plugins/*/*"}},
	{"kedge/cmd/firstboot", []string{"kedge/internal/firstboot"}, []string{"golang.org/x/sys/unix"}},
	{
		"kedge/internal/cli",
		[]string{
			"kedge/internal/airgap", "kedge/internal/argv", "kedge/internal/backup", "kedge/internal/binding", "kedge/internal/config", "kedge/internal/controller", "kedge/internal/datadir", "kedge/internal/enrolment", "kedge/internal/fetch",
			"kedge/internal/golden", "kedge/internal/images", "kedge/internal/imagestore", "kedge/internal/install", "kedge/internal/kubeconfig",
			"kedge/internal/layout", "kedge/internal/multicall", "kedge/internal/nodereset", "kedge/internal/osupdate", "kedge/internal/payload", "kedge/internal/pending", "kedge/internal/pki", "kedge/internal/revocation", "kedge/internal/role",
			"kedge/internal/signature", "kedge/internal/slots", "kedge/internal/status",
			"kedge/internal/support", "kedge/internal/sysinfo", "kedge/internal/token", "kedge/internal/upgrade", "kedge/internal/version", "kedge/internal/versions", "kedge/internal/wholefile", "kedge/internal/words",
			"kedge/internal/worker", "kedge/internal/workerconfig",
		},
		[]string{
			"aead.dev/minisign", "github.com/spf13/cobra", "github.com/spf13/pflag", "go.yaml.in/yaml/v3", "golang.org/x/sys/unix",
			"k8s.io/client-go/kubernetes/typed/core/v1", "k8s.io/client-go/rest", "sigs.k8s.io/yaml",
		},
	},
	// Roles put together what the packages below know; they know nothing themselves.
	{
		"kedge/internal/controller",
		[]string{
			"kedge/internal/agentsigner", "kedge/internal/apiconfig", "kedge/internal/argv", "kedge/internal/artifacts", "kedge/internal/bootstrap", "kedge/internal/clock", "kedge/internal/component", "kedge/internal/config",
			"kedge/internal/csrapprover", "kedge/internal/database", "kedge/internal/datadir", "kedge/internal/enroller", "kedge/internal/enrolment", "kedge/internal/fleet", "kedge/internal/fleetlist", "kedge/internal/kubeconfig", "kedge/internal/layout", "kedge/internal/manifests", "kedge/internal/pending", "kedge/internal/pki",
			"kedge/internal/plan", "kedge/internal/revocation", "kedge/internal/revoker", "kedge/internal/role", "kedge/internal/rollout", "kedge/internal/token", "kedge/internal/wholefile", "kedge/internal/workerconfig",
		},
		append([]string{"github.com/brutella/dnssd", "go.etcd.io/etcd/client/v3", "go.uber.org/zap"}, upstreamClients...),
	},
	{
		"kedge/internal/worker",
		[]string{
			"kedge/internal/airgap", "kedge/internal/apicache", "kedge/internal/apiproxy", "kedge/internal/argv", "kedge/internal/config", "kedge/internal/datadir", "kedge/internal/enrolment",
			"kedge/internal/images", "kedge/internal/imagestore", "kedge/internal/kubeconfig", "kedge/internal/layout", "kedge/internal/nodecert", "kedge/internal/nodeupdate", "kedge/internal/payload", "kedge/internal/role", "kedge/internal/status",
			"kedge/internal/token", "kedge/internal/upgrade", "kedge/internal/versions", "kedge/internal/wholefile", "kedge/internal/workerconfig",
		},
		append([]string{"github.com/vishvananda/netlink", "golang.org/x/sys/unix"}, upstreamClients...),
	},
	{
		"kedge/internal/nodereset",
		[]string{"kedge/internal/argv", "kedge/internal/layout", "kedge/internal/policy", "kedge/internal/workerconfig"},
		[]string{
			"github.com/google/nftables", "github.com/google/nftables/userdata", "github.com/moby/sys/mountinfo", "github.com/opencontainers/cgroups",
			"github.com/vishvananda/netlink", "golang.org/x/sys/unix",
		},
	},
	// What roles share.
	{
		"kedge/internal/role",
		[]string{
			"kedge/internal/argv", "kedge/internal/component", "kedge/internal/datadir", "kedge/internal/layout", "kedge/internal/pending", "kedge/internal/status", "kedge/internal/supervise",
			"kedge/internal/together",
		},
		[]string{"github.com/coreos/go-systemd/v22/daemon", "golang.org/x/sync/errgroup"},
	},
	{"kedge/internal/components", []string{"kedge/internal/components/*", "kedge/internal/multicall"}, none},
	// Components know nothing of each other: any of them may be left out.
	{"kedge/internal/components/networkpolicy", []string{"kedge/internal/multicall", "kedge/internal/policy", "kedge/internal/version"}, nil},
	{"kedge/internal/components/nodenetwork", []string{"kedge/internal/multicall", "kedge/internal/together", "kedge/internal/version"}, nil},
	{"kedge/internal/components/*", []string{"kedge/internal/layout", "kedge/internal/tunnel", "kedge/internal/upstream/*", "kedge/internal/multicall", "kedge/internal/version"}, nil},
	{"kedge/internal/upstream/*", []string{"kedge/internal/version"}, nil},
	{
		"kedge/internal/airgap",
		[]string{"kedge/internal/payload", "kedge/internal/signature"},
		[]string{
			"aead.dev/minisign",
			"github.com/distribution/reference", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd",
			"github.com/opencontainers/image-spec/specs-go/v1", "golang.org/x/sync/errgroup",
		},
	},
	{"kedge/internal/apiconfig", []string{"kedge/internal/golden"}, none},
	{"kedge/internal/apicache", []string{"kedge/internal/apiwire", "kedge/internal/wholefile"}, []string{"golang.org/x/sys/unix"}}, // in tests alone
	{"kedge/internal/apiproxy", []string{"kedge/internal/apicache", "kedge/internal/apiwire", "kedge/internal/wholefile"}, upstreamClients},
	{"kedge/internal/apiwire", nil, append([]string{"google.golang.org/protobuf/encoding/protowire"}, upstreamClients...)},
	{"kedge/internal/argv", []string{"kedge/internal/golden", "kedge/internal/layout", "kedge/internal/tunnel", "kedge/internal/workerconfig"}, []string{"github.com/pelletier/go-toml/v2"}},
	{
		"kedge/internal/backup",
		[]string{"kedge/internal/argv", "kedge/internal/database", "kedge/internal/datadir", "kedge/internal/layout", "kedge/internal/wholefile"},
		[]string{"go.etcd.io/etcd/client/v3", "go.uber.org/zap", "modernc.org/sqlite"},
	},
	{
		"kedge/internal/bootstrap",
		[]string{"kedge/internal/agentsigner", "kedge/internal/csrapprover", "kedge/internal/enroller", "kedge/internal/manifests", "kedge/internal/tunnel", "kedge/internal/workerconfig"},
		upstreamClients, // in tests alone
	},
	{"kedge/internal/component", nil, []string{"golang.org/x/sync/errgroup"}},
	{"kedge/internal/clock", nil, []string{"golang.org/x/sys/unix"}},
	{"kedge/internal/config", []string{"kedge/internal/golden", "kedge/internal/words"}, []string{"go.yaml.in/yaml/v3"}},
	{"kedge/internal/database", nil, []string{"modernc.org/sqlite"}},
	{"kedge/internal/datadir", []string{"kedge/internal/wholefile"}, []string{"golang.org/x/sys/unix"}},
	{"kedge/internal/agentsigner", []string{"kedge/internal/csr", "kedge/internal/nodecert", "kedge/internal/tunnel"}, upstreamClients},
	{"kedge/internal/csr", []string{"kedge/internal/nodecert"}, upstreamClients},
	{"kedge/internal/csrapprover", []string{"kedge/internal/csr", "kedge/internal/nodecert"}, upstreamClients},
	{"kedge/internal/binding", []string{"kedge/internal/enrolment"}, append([]string{"k8s.io/client-go/kubernetes/typed/core/v1"}, upstreamClients...)},
	{"kedge/internal/enroller", []string{"kedge/internal/binding", "kedge/internal/csr", "kedge/internal/enrolment", "kedge/internal/nodecert", "kedge/internal/nodeevent", "kedge/internal/revocation"}, upstreamClients},
	{
		"kedge/internal/fleet",
		[]string{
			"kedge/internal/binding", "kedge/internal/csr", "kedge/internal/enrolment", "kedge/internal/fleetlist", "kedge/internal/nodecert",
			"kedge/internal/nodeevent", "kedge/internal/pending", "kedge/internal/revocation",
		},
		upstreamClients,
	},
	{"kedge/internal/fleetlist", nil, none},
	{"kedge/internal/pending", []string{"kedge/internal/enrolment"}, none},
	{"kedge/internal/enrolment", nil, none},
	{"kedge/internal/revocation", nil, none},
	{"kedge/internal/revoker", []string{"kedge/internal/binding", "kedge/internal/nodeevent", "kedge/internal/revocation"}, upstreamClients},
	{"kedge/internal/nodecert", nil, upstreamClients},
	{"kedge/internal/nodeevent", nil, upstreamClients},
	{"kedge/internal/images", nil, none},
	{
		"kedge/internal/imagestore", nil,
		[]string{
			"github.com/containerd/containerd/v2/client", "github.com/containerd/containerd/v2/core/images", "github.com/containerd/errdefs",
			"github.com/distribution/reference", "github.com/opencontainers/go-digest",
		},
	},
	{"kedge/internal/golden", nil, none},
	{"kedge/internal/heap", nil, none},
	{"kedge/internal/install", []string{"kedge/internal/golden", "kedge/internal/wholefile"}, none},
	{"kedge/internal/kubeconfig", nil, []string{"sigs.k8s.io/yaml"}},
	{"kedge/internal/layout", nil, none},
	{"kedge/internal/manifests", nil, append([]string{"github.com/fsnotify/fsnotify", "sigs.k8s.io/yaml"}, upstreamClients...)},
	{"kedge/internal/multicall", nil, none},
	{"kedge/internal/payload", nil, []string{"github.com/klauspost/compress/zstd", "golang.org/x/sync/errgroup", "golang.org/x/sys/unix"}},
	{"kedge/internal/firstboot", []string{"kedge/internal/golden", "kedge/internal/nodeconfig", "kedge/internal/wholefile"}, []string{"golang.org/x/sys/unix"}},
	{"kedge/internal/nodeconfig", []string{"kedge/internal/words"}, []string{"go.yaml.in/yaml/v3"}},
	{"kedge/internal/pki", []string{"kedge/internal/kubeconfig", "kedge/internal/layout", "kedge/internal/tunnel", "kedge/internal/wholefile"}, none},
	{"kedge/internal/tunnel", nil, none},
	{"kedge/internal/policy", []string{"kedge/internal/golden"}, append([]string{"sigs.k8s.io/knftables"}, upstreamClients...)},
	{"kedge/internal/status", []string{"kedge/internal/component", "kedge/internal/pending", "kedge/internal/supervise"}, none},
	{"kedge/internal/support", nil, none},
	{"kedge/internal/supervise", nil, []string{"golang.org/x/sys/unix"}},
	{"kedge/internal/sampleimages", nil, []string{"k8s.io/kubernetes/test/images/agnhost/connect"}},
	{"kedge/internal/sysinfo", []string{"kedge/internal/golden"}, []string{"golang.org/x/sys/unix"}},
	{
		"kedge/internal/token",
		[]string{"kedge/internal/kubeconfig"},
		[]string{"k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/api/errors", "k8s.io/apimachinery/pkg/apis/meta/v1", "k8s.io/client-go/kubernetes/typed/core/v1"},
	},
	{"kedge/internal/together", []string{"kedge/internal/multicall", "kedge/internal/supervise"}, none},
	{"kedge/internal/signature", nil, []string{"aead.dev/minisign"}},
	{"kedge/internal/fetch", nil, none},
	{"kedge/internal/slots", nil, []string{"golang.org/x/sys/unix"}},
	{
		"kedge/internal/osupdate",
		[]string{"kedge/internal/fetch", "kedge/internal/slots", "kedge/internal/status", "kedge/internal/upgrade", "kedge/internal/wholefile"},
		[]string{"aead.dev/minisign", "golang.org/x/sys/unix"},
	},
	{"kedge/internal/plan", []string{"kedge/internal/golden"}, upstreamClients},
	{"kedge/internal/rollout", []string{"kedge/internal/plan"}, upstreamClients},
	{"kedge/internal/artifacts", []string{"kedge/internal/nodecert"}, none},
	{
		"kedge/internal/nodeupdate",
		[]string{"kedge/internal/fetch", "kedge/internal/plan", "kedge/internal/signature", "kedge/internal/upgrade", "kedge/internal/versions"},
		append([]string{"aead.dev/minisign"}, upstreamClients...),
	},
	{"kedge/internal/upgrade", []string{"kedge/internal/fetch", "kedge/internal/signature", "kedge/internal/versions"}, []string{"aead.dev/minisign", "k8s.io/apimachinery/pkg/util/version"}},
	{"kedge/internal/version", nil, none},
	{"kedge/internal/versions", []string{"kedge/internal/wholefile"}, []string{"golang.org/x/sys/unix"}},
	{"kedge/internal/wholefile", nil, none},
	{"kedge/internal/words", nil, none},
	{"kedge/internal/workerconfig", nil, []string{"k8s.io/kubelet/config/v1beta1"}}, // in tests alone
	{"kedge/internal/layers", nil, none},
}

// imports reads what each package below root imports, whatever its build tags
// are. It reads the files itself, instead of asking the go command, so that the
// cache of test results notices a change.
func imports(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	files := os.DirFS(root)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && name != "." && isModule(files, name) {
			return fs.SkipDir // a module of its own is no part of kedge
		}
		if err != nil || entry.IsDir() || path.Ext(name) != ".go" {
			return err
		}
		source, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Join(module, path.Dir(name))
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[pkg] = append(found[pkg], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read the imports below %s: %v", root, err)
	}
	return found
}

func isModule(files fs.FS, dir string) bool {
	_, err := fs.Stat(files, path.Join(dir, "go.mod"))
	return err == nil
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matches, err := path.Match(pattern, name)
		return err == nil && matches
	})
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first != module
}

// violations lists what a package imports against the rules.
func violations(pkg string, imported []string) []string {
	at := slices.IndexFunc(rules, func(r rule) bool { return matchesAny([]string{r.packages}, pkg) })
	if at < 0 {
		return []string{pkg + " has no entry in the table of rules"}
	}
	var found []string
	for _, name := range imported {
		permitted := rules[at].foreign == nil || matchesAny(rules[at].foreign, name)
		if isStandard(name) {
			permitted = true
		} else if strings.HasPrefix(name, module+"/") {
			permitted = name == pkg || matchesAny(rules[at].own, name)
		}
		if !permitted {
			found = append(found, pkg+" must not import "+name)
		}
	}
	return found
}

func TestImportsGoInOneDirection(t *testing.T) {
	found := imports(t, "../..")
	if len(found) < len(rules) {
		t.Fatalf("only %d packages found", len(found))
	}
	for _, pkg := range slices.Sorted(maps.Keys(found)) {
		for _, violation := range violations(pkg, found[pkg]) {
			t.Error(violation)
		}
	}
}

func TestViolations(t *testing.T) {
	for _, test := range []struct {
		name     string
		pkg      string
		imported string
		want     string // empty: permitted
	}{
		{"downward", "kedge/internal/cli", "kedge/internal/version", ""},
		{"upward", "kedge/internal/version", "kedge/internal/cli", "kedge/internal/version must not import kedge/internal/cli"},
		{
			"sideways", "kedge/internal/components/kine", "kedge/internal/components/etcd",
			"kedge/internal/components/kine must not import kedge/internal/components/etcd",
		},
		{"itself, from an external test", "kedge/internal/multicall", "kedge/internal/multicall", ""},
		{"standard library", "kedge/internal/version", "encoding/json", ""},
		{"heavy in a component", "kedge/internal/components/kubelet", "k8s.io/kubernetes/cmd/kubelet/app", ""},
		{"heavy in a cheap package", "kedge/internal/cli", "k8s.io/klog/v2", "kedge/internal/cli must not import k8s.io/klog/v2"},
		{"foreign, listed", "kedge/internal/cli", "github.com/spf13/cobra", ""},
		{"new package", "kedge/internal/new", "fmt", "kedge/internal/new has no entry in the table of rules"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(violations(test.pkg, []string{test.imported}), "\n")
			if got != test.want {
				t.Errorf("violations = %q; want %q", got, test.want)
			}
		})
	}
}
