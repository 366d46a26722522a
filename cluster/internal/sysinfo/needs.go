package sysinfo

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// kernelNeed is something that the kernel must, should or may have.
type kernelNeed struct {
	Option string `json:"option"` // of the kernel's configuration, without CONFIG_
	Module string `json:"module"` // its name in /proc/modules; empty for what is never a module
	For    string `json:"for"`
	Need   Need   `json:"need"`
	Roles  []Role `json:"roles"`
	// SeenBy are files of which each shows that the kernel has it; "file:word"
	// where the file has to contain a word.
	SeenBy []string `json:"seenBy"`
	// Vanished: newer kernels have it always and know no option any more.
	Vanished bool   `json:"vanished"`
	ToDo     string `json:"toDo"` // instead of the usual advice
}

func (n kernelNeed) isSeen(root fs.FS) bool {
	return slices.ContainsFunc(n.SeenBy, func(seen string) bool {
		name, word, _ := strings.Cut(seen, ":")
		if word == "" {
			return exists(root, name)
		}
		return slices.Contains(strings.Fields(text(root, name)), word)
	})
}

var (
	everywhere = []Role{Controller, Worker, Single}
	onWorkers  = []Role{Worker, Single}
)

// kernelNeedsFile comes from what the linked components do: runc (namespaces,
// cgroup v2 with devices through BPF, mqueue), containerd's snapshotter,
// kube-proxy's nftables mode and portmap (fib, numgen, reject, masquerade,
// named counters in tables ip and ip6), flannel and the bridge plugin. The
// builder judges the kernels of images by the same file.
//
//go:embed kernel-needs.json
var kernelNeedsFile string

// kernelNeeds is the table that is part of kedge.
func kernelNeeds() []kernelNeed {
	needs, err := parseKernelNeeds(kernelNeedsFile)
	if err != nil {
		panic(err) // a test reads the same bytes
	}
	return needs
}

func parseKernelNeeds(raw string) ([]kernelNeed, error) {
	var needs []kernelNeed
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&needs); err != nil {
		return nil, fmt.Errorf("kernel needs: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("kernel needs: something follows the list")
	}
	if len(needs) == 0 {
		return nil, errors.New("kernel needs: nothing is needed")
	}
	seen := make(map[string]bool)
	for _, need := range needs {
		if err := need.validate(); err != nil {
			return nil, fmt.Errorf("kernel needs: %q: %w", need.Option, err)
		}
		if seen[need.Option] {
			return nil, fmt.Errorf("kernel needs: %q stands there twice", need.Option)
		}
		seen[need.Option] = true
	}
	return needs, nil
}

func (n kernelNeed) validate() error {
	isOption, err := regexp.MatchString(`\A[A-Z0-9_]+\z`, n.Option)
	switch {
	case err != nil:
		return err
	case !isOption || strings.HasPrefix(n.Option, "CONFIG_"):
		return errors.New("an option is written in capitals, without CONFIG_")
	case n.For == "":
		return errors.New("it does not say what for")
	case !slices.Contains([]Need{Required, Recommended, Optional}, n.Need):
		return fmt.Errorf("need %q is none of %s, %s, %s", n.Need, Required, Recommended, Optional)
	case len(n.Roles) == 0:
		return errors.New("it names no role")
	}
	for _, role := range n.Roles {
		if _, ok := ParseRole(string(role)); !ok {
			return fmt.Errorf("there is no role %q", role)
		}
	}
	return nil
}

func checkKernelNeeds(host Host, k kernel, role Role) []Result {
	var results []Result
	for _, need := range kernelNeeds() {
		if !slices.Contains(need.Roles, role) {
			continue
		}
		result := passed("kernel "+need.Option, need.For, need.Need, "")
		var found state
		found, result.Found = k.look(host.Root, need)
		switch {
		case found == absent:
			result.Verdict, result.ToDo = need.Need.missing(), need.advice(result.Found)
		case found == unknown && need.Need != Optional:
			result.Verdict, result.ToDo = Warning, "make sure that the kernel was built with CONFIG_"+need.Option
		case found == unknown:
			result.Verdict = Note
		}
		results = append(results, result)
	}
	return results
}

func (n kernelNeed) advice(found string) string {
	switch {
	case n.ToDo != "":
		return n.ToDo
	case strings.Contains(found, "but the module is not below"):
		return "install the modules of the running kernel, or reboot into the kernel whose modules are installed"
	default:
		return "use a kernel that was built with CONFIG_" + n.Option
	}
}
