package sysinfo

import (
	"bufio"
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// kernel is what can be learnt of the running kernel without asking it to do
// anything.
type kernel struct {
	release string
	// options is the configuration: y, m, a value, or n where it says that
	// an option is not set. nil when no configuration is found.
	options map[string]string
	source  string // the file it was read from
	builtin map[string]bool
	files   map[string]bool // modules that lie on the disk
	loaded  map[string]bool
	// listsBuiltin: what is neither in builtin nor in files does not exist.
	listsBuiltin bool
}

func readKernel(root fs.FS) kernel {
	k := kernel{release: text(root, "proc/sys/kernel/osrelease")}
	modules := path.Join("lib/modules", k.release)
	k.options, k.source = readConfig(root, "proc/config.gz", "boot/config-"+k.release, path.Join(modules, "config"))
	k.builtin = moduleNames(text(root, path.Join(modules, "modules.builtin")), "\n")
	k.listsBuiltin = len(k.builtin) > 0
	k.files = moduleNames(text(root, path.Join(modules, "modules.dep")), ":")
	k.loaded = make(map[string]bool)
	for line := range strings.Lines(text(root, "proc/modules")) {
		if name, _, ok := strings.Cut(line, " "); ok {
			k.loaded[name] = true
		}
	}
	return k
}

func readConfig(root fs.FS, names ...string) (map[string]string, string) {
	for _, name := range names {
		if options := readConfigFile(root, name); len(options) > 0 {
			return options, "/" + name
		}
	}
	return nil, ""
}

func readConfigFile(root fs.FS, name string) map[string]string {
	file, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	var source io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			return nil
		}
		source = unzipped
	}
	options, err := parseConfig(source)
	if err != nil {
		return nil // half a configuration would say that the rest is absent
	}
	return options
}

// parseConfig reads lines such as CONFIG_VETH=m and "# CONFIG_VXLAN is not set".
func parseConfig(source io.Reader) (map[string]string, error) {
	options := make(map[string]string)
	lines := bufio.NewScanner(source)
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutSuffix(strings.TrimPrefix(line, "# "), " is not set"); ok {
			options[strings.TrimPrefix(name, "CONFIG_")] = "n"
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if option, isOption := strings.CutPrefix(name, "CONFIG_"); ok && isOption {
			options[option] = strings.Trim(value, `"`)
		}
	}
	return options, lines.Err()
}

// moduleNames reads the paths of modules.builtin, or what stands before the
// colons of modules.dep: "kernel/net/8021q/8021q.ko.xz" is the module 8021q.
func moduleNames(list, end string) map[string]bool {
	names := make(map[string]bool)
	for line := range strings.Lines(list) {
		file, _, _ := strings.Cut(line, end)
		name, _, ok := strings.Cut(path.Base(strings.TrimSpace(file)), ".ko")
		if ok {
			names[strings.ReplaceAll(name, "-", "_")] = true
		}
	}
	return names
}

// version is the first two numbers of the release; zeros when it has none.
func (k kernel) version() (major, minor int) {
	first, rest, _ := strings.Cut(k.release, ".")
	second := strings.FieldsFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	major, _ = strconv.Atoi(first)
	if len(second) > 0 {
		minor, _ = strconv.Atoi(second[0])
	}
	return major, minor
}

// state is whether the kernel has something.
type state int

const (
	absent  state = iota
	present       // built in, loaded, or there to be loaded
	unknown       // nothing tells
)

// look finds out whether the kernel has what is needed, and how that is known.
func (k kernel) look(root fs.FS, need kernelNeed) (state, string) {
	if need.Module != "" && (k.loaded[need.Module] || exists(root, "sys/module/"+need.Module)) {
		return present, "loaded"
	}
	if k.options != nil {
		return k.byConfig(need)
	}
	if need.isSeen(root) {
		return present, "seen to work"
	}
	switch {
	case need.Module != "" && k.builtin[need.Module]:
		return present, "built in"
	case need.Module != "" && k.files[need.Module]:
		return present, "module"
	case need.Vanished:
		return unknown, "cannot be seen without the kernel's configuration"
	case need.Module != "" && k.listsBuiltin:
		return absent, "neither built in nor a module"
	default:
		return unknown, "cannot be seen without the kernel's configuration"
	}
}

func (k kernel) byConfig(need kernelNeed) (state, string) {
	value, mentioned := k.options[need.Option]
	name := "CONFIG_" + need.Option
	switch {
	case value == "m" && k.files[need.Module]:
		return present, name + "=m"
	case value == "m":
		return absent, name + "=m, but the module is not below /lib/modules/" + k.release
	case value != "n" && mentioned:
		return present, name + "=" + value
	case !mentioned && need.Vanished:
		return present, "part of this kernel's nf_tables"
	default:
		return absent, name + " is not set"
	}
}
