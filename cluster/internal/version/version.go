// Package version tells what this executable is made of. Versions of linked
// modules come from the list that the Go linker writes into every executable,
// so a version that is reported is the version that runs.
package version

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Version is kedge's own version. The linker sets it
// (-X kedge/internal/version.Version=v1.2.3); no code assigns it.
var Version = "dev"

// Date is the lock's, in RFC 3339. The linker sets it; no code assigns it.
var Date = ""

// Missing is reported for a module that is not part of the executable.
const Missing = "none"

// patchedSuffix marks a module that was replaced by a local directory: its
// code is no longer what the version alone names.
const patchedSuffix = "+patched"

// develVersion is what the linker writes for a module in a local directory.
const develVersion = "(devel)"

// Module is a Go module as it was linked.
type Module struct {
	Path    string
	Version string
	// Sum is the module's h1 digest as in go.sum; empty if the module was
	// replaced by a local directory.
	Sum string
}

// Setting is one setting of the Go command that shaped the executable.
type Setting struct {
	Key   string
	Value string
}

// Build describes one executable. Its zero value knows no modules.
type Build struct {
	Version   string // kedge's own
	Date      string // of the lock, in RFC 3339; empty if the linker was told none
	GoVersion string
	OS        string
	Arch      string
	Variant   string // of the architecture, as OCI names it: "v7" on GOARM=7
	// Tags are the build tags, in the order in which they were given.
	Tags []string
	// Settings are all settings of the Go command, such as GOARM, in its order.
	Settings []Setting
	modules  map[string]Module
}

// Current describes the executable that is running.
func Current() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		// Only executables that were not built in module mode lack it.
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return FromBuildInfo(info)
}

// FromBuildInfo describes the executable that info was read from, except for
// its system and architecture: those are of the running one.
func FromBuildInfo(info *debug.BuildInfo) Build {
	build := Build{
		Version:   Version,
		Date:      Date,
		GoVersion: info.GoVersion,
		OS:        runtime.GOOS,
		Arch:      runtime.GOARCH,
		modules:   make(map[string]Module, len(info.Deps)),
	}
	for _, setting := range info.Settings {
		build.Settings = append(build.Settings, Setting(setting))
		switch setting.Key {
		case "GOARM":
			build.Variant = "v" + setting.Value
		case "-tags":
			build.Tags = strings.Split(setting.Value, ",")
		}
	}
	for _, dep := range info.Deps {
		build.modules[dep.Path] = linked(dep)
	}
	if info.Main.Path != "" {
		// The linker knows no version of the module that it was started in.
		build.modules[info.Main.Path] = Module{Path: info.Main.Path, Version: Version}
	}
	return build
}

// linked follows a replacement: the code comes from there, so do its version and sum.
func linked(dep *debug.Module) Module {
	if dep.Replace == nil {
		return Module{Path: dep.Path, Version: dep.Version, Sum: dep.Sum}
	}
	if dep.Replace.Version == "" || dep.Replace.Version == develVersion {
		return Module{Path: dep.Path, Version: dep.Version + patchedSuffix}
	}
	return Module{Path: dep.Path, Version: dep.Replace.Version, Sum: dep.Replace.Sum}
}

// Module returns the linked module with this path. For one that is not linked
// the version is Missing.
func (b Build) Module(path string) Module {
	if module, ok := b.modules[path]; ok {
		return module
	}
	return Module{Path: path, Version: Missing}
}

// Platform is the build's target as OCI writes it: "linux/arm/v7".
func (b Build) Platform() string {
	platform := b.OS + "/" + b.Arch
	if b.Variant != "" {
		platform += "/" + b.Variant
	}
	return platform
}
