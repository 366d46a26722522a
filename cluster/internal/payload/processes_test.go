package payload

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mixed has contents of several blocks, so that a process can be stopped in the
// middle of one.
func mixed(t testing.TB) tree {
	t.Helper()
	contents := small()
	for n := range 3 {
		noise := make([]byte, 300_000)
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		contents["lib/noise"+strconv.Itoa(n)] = string(noise)
	}
	return contents
}

func TestAKillInMidUnpack(t *testing.T) {
	contents := mixed(t)
	executable := pack(t, plain(), contents)
	p := open(t, executable)
	dataDir := t.TempDir()
	for _, reads := range []int{1, 2, 4, 6, 8} {
		c := start(t, self(t), "stall", executable, dataDir, strconv.Itoa(reads))
		c.until(t, "stalled")
		left := names(t, filepath.Join(dataDir, "helpers"))
		if len(left) != 1 || !strings.HasPrefix(left[0], ".unpacking-") {
			t.Fatalf("while a process unpacks there is %v", left)
		}
		c.kill(t)
	}
	dir := unpack(t, p, dataDir)
	wantTree(t, dir.Root(), contents)
	if got := names(t, filepath.Join(dataDir, "helpers")); !slices.Equal(got, []string{p.ID()}) {
		t.Errorf("killed processes left %v", got)
	}
}

func TestAKillInMidRepairLeavesOldOrNew(t *testing.T) {
	contents := mixed(t)
	executable := pack(t, plain(), contents)
	p := open(t, executable)
	dataDir := t.TempDir()
	dir := unpack(t, p, dataDir)
	if err := os.Remove(filepath.Join(dir.Root(), "bin/runc")); err != nil {
		t.Fatal(err)
	}
	c := start(t, self(t), "stall", executable, dataDir, "3")
	c.until(t, "stalled")
	c.kill(t)
	if _, err := os.Stat(filepath.Join(dir.Root(), "bin/cni")); err != nil {
		t.Errorf("what was not damaged is gone: %v", err)
	}
	unpack(t, p, dataDir)
	wantTree(t, dir.Root(), contents)
}

func TestProcessesAtOnce(t *testing.T) {
	executable := pack(t, plain(), mixed(t))
	dataDir := t.TempDir()
	var children []*child
	for range 4 {
		children = append(children, start(t, self(t), "unpack", executable, dataDir))
	}
	for _, c := range children {
		c.until(t, "ready")
	}
	for _, c := range children {
		if err := c.stdin.Close(); err != nil {
			t.Fatal(err)
		}
	}
	unpacked := 0
	for _, c := range children {
		out := ""
		for c.lines.Scan() {
			out += c.lines.Text() + "\n"
		}
		if err := c.cmd.Wait(); err != nil || !strings.Contains(out, "has "+dataDir) {
			t.Errorf("%v: %s", err, out)
		}
		unpacked += strings.Count(out, "unpacked the helpers")
	}
	if unpacked != 1 {
		t.Errorf("%d processes unpacked; want 1", unpacked)
	}
}

func TestWhoWaitsTakesOverWhenTheOtherIsKilled(t *testing.T) {
	executable := pack(t, plain(), mixed(t))
	dataDir := t.TempDir()
	first := start(t, self(t), "stall", executable, dataDir, "4")
	first.until(t, "stalled")
	second := start(t, self(t), "unpack", executable, dataDir)
	second.until(t, "ready")
	if err := second.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	second.until(t, "waiting for it")
	first.kill(t)
	second.until(t, "has "+dataDir)
}

func prune(t *testing.T, p *Payload, dataDir string) Pruned {
	t.Helper()
	pruned, err := p.Prune(t.Context(), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	return pruned
}

// versions unpacks an old version, whose bin/runc is this executable, and
// returns it and a new one.
func versions(t *testing.T, dataDir string) (oldExecutable string, oldRoot string, current *Payload) {
	t.Helper()
	program, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	oldExecutable = pack(t, plain(), tree{"bin/runc": string(program), "lib/library": string(program) + "."})
	old := open(t, oldExecutable)
	dir, err := old.Unpack(t.Context(), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	return oldExecutable, dir.Root(), open(t, pack(t, plain(), small()))
}

func TestPruneKeepsWhatProcessesUse(t *testing.T) {
	for _, test := range []struct {
		name    string
		program func(old, dataDir, root string) []string // executable and arguments
		reason  string
	}{
		{"a helper runs", func(_, _, root string) []string { return []string{root + "/bin/runc", "wait"} }, "runs a helper"},
		{"a library is mapped", func(_, _, root string) []string { return []string{"", "map", root + "/lib/library"} }, "runs a helper"},
		{"a kedge holds it", func(old, dataDir, _ string) []string { return []string{"", "hold", old, dataDir} }, "a kedge of that version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dataDir := t.TempDir()
			old, root, p := versions(t, dataDir)
			unpack(t, p, dataDir)
			argv := test.program(old, dataDir, root)
			if argv[0] == "" {
				argv[0] = self(t)
			}
			c := start(t, argv[0], argv[1:]...)
			c.until(t, "ready")
			got := prune(t, p, dataDir)
			if len(got.Removed) > 0 || len(got.Kept) != 1 || got.Kept[0].Path != root || !strings.Contains(got.Kept[0].Reason, test.reason) {
				t.Errorf("while in use: %+v", got)
			}
			if out, code := c.finish(t); code != 0 {
				t.Fatal(out)
			}
			if got := prune(t, p, dataDir); !slices.Equal(got.Removed, []string{root}) || len(got.Kept) > 0 {
				t.Errorf("afterwards: %+v", got)
			}
			if got := names(t, filepath.Join(dataDir, "helpers")); !slices.Equal(got, []string{p.ID()}) {
				t.Errorf("helpers has %v", got)
			}
		})
	}
}

func TestPruneFindsHelpersInOtherMountNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root directory")
	}
	dataDir := t.TempDir()
	_, root, p := versions(t, dataDir)
	// In there the helper has another path.
	c := startWith(t, &syscall.SysProcAttr{Chroot: root}, "/bin/runc", "wait")
	c.until(t, "ready")
	if got := prune(t, p, dataDir); len(got.Removed) > 0 || len(got.Kept) != 1 {
		t.Errorf("pruned %+v", got)
	}
}

func TestPruneLeavesTheRestAlone(t *testing.T) {
	dataDir := t.TempDir()
	p := open(t, pack(t, plain(), small()))
	if got := prune(t, p, filepath.Join(dataDir, "nothing")); len(got.Removed)+len(got.Kept) > 0 {
		t.Errorf("of nothing: %+v", got)
	}
	dir := unpack(t, p, dataDir)
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	helpers := filepath.Join(dataDir, "helpers")
	for _, name := range []string{"notes", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef", "fedcba9876543210/bin", ".unpacking-X", ".removed-Y"} {
		if err := os.MkdirAll(filepath.Join(helpers, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got := prune(t, p, dataDir)
	if !slices.Equal(got.Removed, []string{filepath.Join(helpers, "0123456789abcdef"), filepath.Join(helpers, "fedcba9876543210")}) {
		t.Errorf("pruned %+v", got)
	}
	want := []string{"0123456789ABCDEF", "0123456789abcde", p.ID(), "notes"}
	slices.Sort(want)
	if got := names(t, helpers); !slices.Equal(got, want) {
		t.Errorf("helpers has %v; want %v", got, want)
	}
	wantTree(t, dir.Root(), small())
}

func TestArgumentsOfAProcessThatMayNotBeLookedAt(t *testing.T) {
	commandLine := filepath.Join(t.TempDir(), "cmdline")
	argv := "/d/helpers/0123456789abcdef/bin/containerd-shim-runc-v2\x00-id\x00x\x00/e/helpers/fedcba9876543210/x\x00"
	if err := os.WriteFile(commandLine, []byte(argv), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := versionsInArguments(commandLine, "/d/helpers"); err != nil || !slices.Equal(got, []string{"0123456789abcdef"}) {
		t.Errorf("versions = %v, %v", got, err)
	}
}

// On some file systems the kernel shows other devices for mappings than for files.
func TestAnExecutableIsFoundWithoutItsMapping(t *testing.T) {
	process, helper := t.TempDir(), filepath.Join(t.TempDir(), "runc")
	if err := errors.Join(os.WriteFile(helper, nil, 0o755), os.Symlink(helper, process+"/exe"), os.WriteFile(process+"/maps", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(helper)
	if err != nil {
		t.Fatal(err)
	}
	got, err := versionsOf(process, "/d/helpers", map[inode]string{inodeOf(info): "0123456789abcdef"})
	if err != nil || !slices.Equal(got, []string{"0123456789abcdef"}) {
		t.Errorf("versions = %v, %v", got, err)
	}
}

func TestMappings(t *testing.T) {
	wanted := map[inode]string{{device: 0x801, number: 77}: "by inode"}
	for _, test := range []struct {
		line, want string
	}{
		{"7f00-7f01 r-xp 00000000 08:01 77                         /elsewhere/lib.so\n", "by inode"},
		{"7f00-7f01 r-xp 00000000 00:2a 9                          /d/helpers/0123456789abcdef/lib/lib.so\n", "0123456789abcdef"},
		{"7f00-7f01 r-xp 00000000 00:2a 9                          /d/helpers/0123456789abcdef/lib/a b.so (deleted)\n", "0123456789abcdef"},
		{"7f00-7f01 r-xp 00000000 00:2a 9                          /other/d/helpers/0123456789abcdef/lib.so\n", ""},
		{"7f00-7f01 r-xp 00000000 00:2a 77                         /elsewhere/lib.so\n", ""},
		{"7f00-7f01 rw-p 00000000 00:00 0                          [heap]\n", ""},
		{"7f00-7f01 rw-p 00000000 00:00 0 \n", ""},
		{"\n", ""},
	} {
		if got := versionOfMapping(test.line, "/d/helpers", wanted); got != test.want {
			t.Errorf("%q: version %q; want %q", test.line, got, test.want)
		}
	}
}
