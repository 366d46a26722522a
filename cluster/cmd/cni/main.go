//go:build patched

// Command cni is the CNI plugins of a node in one executable. A runtime starts
// it by links that have the plugins' names.
//
// Upstream's plugins are programs, which nothing can import; the build tag says
// that cluster/patches/cni-importable.patch has made packages of them.
package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	hostlocal "github.com/containernetworking/plugins/plugins/ipam/host-local"
	"github.com/containernetworking/plugins/plugins/main/bridge"
	"github.com/containernetworking/plugins/plugins/main/loopback"
	"github.com/containernetworking/plugins/plugins/main/ptp"
	"github.com/containernetworking/plugins/plugins/meta/portmap"

	"kedge/internal/multicall"
)

func main() {
	os.Exit(run(os.Args))
}

func run(argv []string) int {
	table, err := multicall.NewTable([]multicall.Program{
		{Name: "bridge", Main: plugin(bridge.Main)},
		{Name: "host-local", Main: plugin(hostlocal.Main)},
		{Name: "kedge-ipam", Main: again},
		{Name: "loopback", Main: plugin(loopback.Main)},
		{Name: "portmap", Main: plugin(portmap.Main)},
		{Name: "ptp", Main: plugin(ptp.Main)},
	})
	if err != nil {
		return refuse(err.Error())
	}
	program, programArgv, ok := table.Resolve(argv)
	if !ok {
		return refuse(usage(table, argv))
	}
	if err := preferOwnTools(); err != nil {
		return refuse(err.Error())
	}
	os.Args = programArgv
	return program.Main(programArgv)
}

// plugin adapts upstream's entry, which ends the process itself on an error.
func plugin(enter func()) func([]string) int {
	return func([]string) int {
		enter()
		return 0
	}
}

func usage(table multicall.Table, argv []string) string {
	names := make([]string, 0, len(table.Programs()))
	for _, program := range table.Programs() {
		names = append(names, program.Name)
	}
	started := "cni"
	if len(argv) > 0 {
		started = filepath.Base(argv[0])
	}
	return fmt.Sprintf("%q is no CNI plugin; start this executable by a link named %s, or name one of them first",
		started, strings.Join(names, ", "))
}

// refuse tells a person on stderr, and a runtime in the form that the CNI
// specification wants of a failing plugin: JSON on stdout.
func refuse(problem string) int {
	fmt.Fprintln(os.Stderr, "cni:", problem)
	if os.Getenv("CNI_COMMAND") != "" {
		if err := types.NewError(types.ErrInternal, problem, "").Print(); err != nil {
			fmt.Fprintln(os.Stderr, "cni:", err)
		}
	}
	return 1
}

// preferOwnTools lets the plugins find the nft that lies beside this executable
// before any of the system's: it is the one that was tested with them.
func preferOwnTools() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this executable: %w", err)
	}
	inherited := cmp.Or(os.Getenv("PATH"), "/usr/sbin:/usr/bin:/sbin:/bin")
	return os.Setenv("PATH", filepath.Dir(self)+string(os.PathListSeparator)+inherited)
}
