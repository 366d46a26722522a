// Command kedge is Kubernetes in one executable.
package main

import (
	"context"
	"fmt"
	"os"

	"kedge/internal/cli"
	"kedge/internal/components"
	"kedge/internal/heap"
	"kedge/internal/version"
)

func main() {
	heap.Unsampled()
	os.Exit(run(os.Args))
}

func run(argv []string) int {
	table, err := components.Table()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kedge:", err)
		return 1
	}
	go heap.TrimWhileIdle(context.Background(), heap.Every)
	env := cli.Env{Stdout: os.Stdout, Stderr: os.Stderr, Table: table, Build: version.Current()}
	program, programArgv, ok := table.Resolve(argv)
	switch {
	case !ok:
		return cli.Run(env, argv[min(1, len(argv)):])
	case program.Absent:
		return cli.RefuseAbsent(env, program.Name)
	}
	nameProcess(program.Name)
	// The process becomes the component. Upstream reads os.Args in many
	// places (cobra, klog, client-go's user agent), so they must agree.
	os.Args = programArgv
	return program.Main(programArgv)
}

// nameProcess is for whoever looks at a list of processes; what a component
// was started as may be a link of the kernel's.
func nameProcess(name string) {
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // without it the list is only less clear
}
