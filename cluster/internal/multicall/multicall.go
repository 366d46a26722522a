// Package multicall decides which of the programs inside one executable a
// command line asks for.
package multicall

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Program is the command line entry of one component.
type Program struct {
	// Name is what upstream calls the executable. It is the word on kedge's
	// command line and the name of a link that starts the component.
	Name string
	// Summary is one line for the help text.
	Summary string
	// Module is the path of the Go module whose version is the component's.
	Module string
	// Main runs the component until it ends and returns the exit code; it may
	// as well end the process. argv[0] is Name. Everything upstream is built
	// in here, so that a program costs nothing as long as nobody asks for it.
	Main func(argv []string) int
	// Serve runs the component within a process that it shares with others until
	// ctx ends: it takes no signal, sets nothing that others would notice, and
	// leaves nothing behind when it returns, unless the error is ErrLeftovers.
	// nil: the component needs a process of its own.
	Serve func(ctx context.Context, argv []string) error
	// Absent marks a name that this build knows, but whose program it was made
	// without. Only Name is set besides.
	Absent bool
}

// ErrLeftovers says that something of the component goes on: only the end of the
// process ends it, and only then may it be started again.
var ErrLeftovers = errors.New("it ends with the process alone")

// Absent are the programs that this build leaves out. Their names stay in the
// table, so that who asks for one is told what is the matter.
func Absent(names ...string) []Program {
	programs := make([]Program, 0, len(names))
	for _, name := range names {
		programs = append(programs, Program{Name: name, Absent: true})
	}
	return programs
}

// Table is the programs of one executable, in the order in which they are listed.
type Table struct {
	programs []Program
}

// NewTable refuses two programs with one name: which of them runs would be chance.
func NewTable(groups ...[]Program) (Table, error) {
	programs := slices.Concat(groups...)
	seen := make(map[string]bool, len(programs))
	for _, program := range programs {
		if seen[program.Name] {
			return Table{}, fmt.Errorf("program table: %q appears twice", program.Name)
		}
		seen[program.Name] = true
	}
	return Table{programs: programs}, nil
}

// Programs lists what this build has, in order.
func (t Table) Programs() []Program {
	return slices.DeleteFunc(slices.Clone(t.programs), func(p Program) bool { return p.Absent })
}

// Lookup finds a program by its exact name; it may be one that is absent.
func (t Table) Lookup(name string) (Program, bool) {
	for _, program := range t.programs {
		if program.Name == name {
			return program, true
		}
	}
	return Program{}, false
}

// Resolve finds the program that a command line asks for and the argument list
// that the program shall see. A link's name comes first, then the first
// argument: "kubelet --v=2" and "kedge kubelet --v=2" are the same. It reports
// false when the command line is for kedge itself. The program may be absent:
// then it cannot run.
func (t Table) Resolve(argv []string) (Program, []string, bool) {
	if len(argv) == 0 {
		return Program{}, nil, false
	}
	if program, ok := t.Lookup(filepath.Base(argv[0])); ok {
		return program, rename(program, argv), true
	}
	if len(argv) < 2 {
		return Program{}, nil, false
	}
	if program, ok := t.Lookup(argv[1]); ok {
		return program, rename(program, argv[1:]), true
	}
	return t.resolveHelp(argv[1:])
}

// resolveHelp turns "help containerd config" into "containerd config --help",
// so that the help of a component is the one that upstream wrote.
func (t Table) resolveHelp(words []string) (Program, []string, bool) {
	const helpAndName = 2
	if len(words) < helpAndName || words[0] != "help" {
		return Program{}, nil, false
	}
	program, ok := t.Lookup(words[1])
	if !ok {
		return Program{}, nil, false
	}
	return program, append(rename(program, words[1:]), "--help"), true
}

// rename keeps every argument as it is and makes argv[0] the bare name, since
// upstream shows it in help texts and sends it as the client's user agent.
func rename(program Program, argv []string) []string {
	renamed := slices.Clone(argv)
	renamed[0] = program.Name
	return renamed
}
