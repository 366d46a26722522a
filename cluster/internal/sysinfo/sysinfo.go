// Package sysinfo judges whether a machine can run kedge: its kernel, control
// groups, memory, disk, clock, and the few things of user space that
// Kubernetes cannot do without. What is needed stands in tables.
package sysinfo

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Role is what a machine shall do.
type Role string

// Single is a controller that is a worker too.
const (
	Controller Role = "controller"
	Worker     Role = "worker"
	Single     Role = "single"
)

// ParseRole reads a role's name.
func ParseRole(name string) (Role, bool) {
	role := Role(name)
	return role, role == Controller || role == Worker || role == Single
}

func (r Role) works() bool { return r == Worker || r == Single }

// Need is how badly something is needed.
type Need string

// Without what is Required kedge does not run; without what is Recommended
// something that most people want does not; what is Optional has its users.
const (
	Required    Need = "required"
	Recommended Need = "recommended"
	Optional    Need = "optional"
)

// Verdict is the result of one check.
type Verdict string

// Note is for optional things that are absent.
const (
	Pass     Verdict = "pass"
	Note     Verdict = "note"
	Warning  Verdict = "warning"
	Rejected Verdict = "rejected"
)

// missing is the verdict when something is not there.
func (n Need) missing() Verdict {
	switch n {
	case Required:
		return Rejected
	case Recommended:
		return Warning
	default:
		return Note
	}
}

// Result is one line of a report.
type Result struct {
	Name    string  `json:"name"`
	For     string  `json:"for"`
	Need    Need    `json:"need"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	// ToDo is what to do about it; empty when there is nothing to do.
	ToDo string `json:"toDo,omitempty"`
}

// Report is everything that was found.
type Report struct {
	Role    Role     `json:"role"`
	Verdict Verdict  `json:"verdict"` // the worst of all; a note counts as a pass
	Results []Result `json:"results"`
}

// Count tells how many results have a verdict.
func (r Report) Count(verdict Verdict) int {
	count := 0
	for _, result := range r.Results {
		if result.Verdict == verdict {
			count++
		}
	}
	return count
}

// Disk is the file system that holds a directory.
type Disk struct {
	Path       string // the deepest part of the directory that exists
	Total      uint64 // bytes
	Free       uint64 // bytes that a user may have
	IsReadOnly bool
	IsNoexec   bool
}

// Host is the machine as it is judged.
type Host struct {
	Root      fs.FS     // the root directory, with /proc and /sys
	Path      string    // directories of programs, as in the variable PATH
	DataDir   string    // of kedge
	Disk      Disk      // that holds DataDir
	Now       time.Time // by the machine's clock
	NotBefore time.Time // it cannot be earlier
}

// Judge runs all checks for a role.
func Judge(host Host, role Role) Report {
	kernel := readKernel(host.Root)
	var results []Result
	results = append(results, checkKernelVersion(kernel, role), checkKernelConfig(kernel))
	results = append(results, checkCgroups(host, role)...)
	results = append(results, checkKernelNeeds(host, kernel, role)...)
	results = append(results, checkModuleLoader(host, kernel))
	results = append(results, checkMemory(host, role), checkSwap(host, role))
	results = append(results, checkDisk(host, role)...)
	results = append(results, checkClock(host))
	results = append(results, checkPrograms(host, role)...)
	results = append(results, checkFiles(host, role)...)
	results = append(results, checkLimits(host, role)...)
	results = append(results, checkHostname(host), checkMachineID(host))
	report := Report{Role: role, Verdict: Pass, Results: results}
	switch {
	case report.Count(Rejected) > 0:
		report.Verdict = Rejected
	case report.Count(Warning) > 0:
		report.Verdict = Warning
	}
	return report
}

// text reads a small file; empty when it is not there.
func text(root fs.FS, name string) string {
	raw, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(raw), "\x00\n ")
}

func exists(root fs.FS, name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}

func passed(name, what string, need Need, found string) Result {
	return Result{Name: name, For: what, Need: need, Verdict: Pass, Found: found}
}

func mebibytes(bytes uint64) string {
	if bytes >= 10<<30 {
		return fmt.Sprintf("%d GiB", bytes>>30)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
