// Package twins keeps the groups of components and their absent twins in step.
// It has no code, and it links nothing: the sources and the go command tell.
package twins

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	componentsDir    = ".."
	componentsImport = "kedge/internal/components/"
	absentSuffix     = "_absent.go"
)

func parse(t *testing.T, pattern string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// text is the value of a string literal, or of a name among constants.
func text(t *testing.T, expression ast.Expr, constants map[string]string) string {
	t.Helper()
	switch e := expression.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		return value
	case *ast.Ident:
		if value, ok := constants[e.Name]; ok {
			return value
		}
	}
	t.Fatalf("neither a string nor a constant: %#v", expression)
	return ""
}

func stringConstants(t *testing.T, files []*ast.File) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				found[spec.Names[0].Name] = text(t, literal, nil)
			}
			return true
		})
	}
	return found
}

// programName reads the Name that a component's package gives its program.
func programName(t *testing.T, component string) string {
	t.Helper()
	files := parse(t, filepath.Join(componentsDir, component, "*.go"))
	constants := stringConstants(t, files)
	name := ""
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if selector, ok := literal.Type.(*ast.SelectorExpr); !ok || selector.Sel.Name != "Program" {
				return true
			}
			for _, element := range literal.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "Name" {
					name = text(t, pair.Value, constants)
				}
			}
			return true
		})
	}
	if name == "" {
		t.Fatalf("%s makes no multicall.Program with a Name", component)
	}
	return name
}

// present lists the programs of a group by the packages that its file imports.
func present(t *testing.T, file string) []string {
	t.Helper()
	var names []string
	for _, spec := range parse(t, file)[0].Imports {
		if component, ok := strings.CutPrefix(text(t, spec.Path, nil), componentsImport); ok {
			names = append(names, programName(t, component))
		}
	}
	return names
}

// absent lists the arguments of multicall.Absent.
func absent(t *testing.T, file string) []string {
	t.Helper()
	var names []string
	ast.Inspect(parse(t, file)[0], func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			for _, argument := range call.Args {
				names = append(names, text(t, argument, nil))
			}
		}
		return true
	})
	return names
}

func TestTwinsNameTheSamePrograms(t *testing.T) {
	twins, err := filepath.Glob(filepath.Join(componentsDir, "*"+absentSuffix))
	if err != nil || len(twins) == 0 {
		t.Fatalf("no groups found (%v)", err)
	}
	for _, twin := range twins {
		group := strings.TrimSuffix(twin, absentSuffix) + ".go"
		want, got := present(t, group), absent(t, twin)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s names %q; %s has %q", path.Base(twin), got, path.Base(group), want)
		}
	}
}

// linked lists the packages that a build with these tags links.
func linked(t *testing.T, tags string) map[string]bool {
	t.Helper()
	command := exec.Command("go", "list", "-deps", "-tags", tags, "./cmd/kedge")
	command.Dir = filepath.Join(componentsDir, "..", "..")
	var complaints strings.Builder
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, complaints.String())
	}
	found := make(map[string]bool)
	for name := range strings.FieldsSeq(string(output)) {
		found[name] = true
	}
	return found
}

// What a tag leaves out is not linked, and what it keeps still is.
func TestTagsLeaveOutPackages(t *testing.T) {
	const (
		apiServer  = "k8s.io/kubernetes/cmd/kube-apiserver/app"
		kubelet    = "k8s.io/kubernetes/cmd/kubelet/app"
		containerd = "github.com/containerd/containerd/v2/cmd/containerd/command"
		etcdMain   = "go.etcd.io/etcd/server/v3/etcdmain"
		kine       = "github.com/k3s-io/kine/pkg/app"
		kubectl    = "k8s.io/kubectl/pkg/cmd"
		sqlite     = "modernc.org/sqlite"
		coredns    = "github.com/coredns/coredns/coremain"
		metrics    = "sigs.k8s.io/metrics-server/pkg/server"
		flannel    = "github.com/flannel-io/flannel/pkg/backend"
		agent      = "sigs.k8s.io/apiserver-network-proxy/cmd/agent/app"
		tunnel     = "sigs.k8s.io/apiserver-network-proxy/cmd/server/app"
	)
	controller := []string{apiServer, etcdMain, kine, sqlite, metrics, tunnel}
	worker := []string{kubelet, containerd, coredns, flannel, agent}
	for _, test := range []struct {
		tags string
		gone []string
	}{
		{"", nil},
		{"without_controller", controller},
		{"without_worker", worker},
		{"without_etcd", []string{etcdMain}},
		{"without_kubectl", []string{kubectl}},
		{"without_controller,without_kubectl", slices.Concat(controller, []string{kubectl})},
	} {
		t.Run(test.tags, func(t *testing.T) {
			found := linked(t, test.tags)
			all := slices.Concat(controller, worker, []string{kubectl})
			for _, name := range all {
				if want := !slices.Contains(test.gone, name); found[name] != want {
					t.Errorf("%s linked: %v; want %v", name, found[name], want)
				}
			}
		})
	}
}
