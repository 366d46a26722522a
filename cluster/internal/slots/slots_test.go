package slots

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func bootPlace(t *testing.T, first, second string) string {
	t.Helper()
	boot := t.TempDir()
	err := os.Mkdir(filepath.Join(boot, "grub"), 0o755)
	for name, content := range map[string]string{"grubenv": first, "grubenv2": second} {
		err = errors.Join(err, os.WriteFile(filepath.Join(boot, "grub", name), []byte(content), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return boot
}

// fresh is as the builder writes it: builder/image/environment.py.
var fresh = padded("# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nB_OK=0\nB_TRY=0\nROUND=0\n")

func padded(text string) string { return text + strings.Repeat("#", 1024-len(text)) }

func TestTheStateIsGrubs(t *testing.T) {
	damaged := strings.Repeat("\x00", 1024)
	other := strings.ReplaceAll(fresh, "A_TRY=0", "A_TRY=1")
	for name, test := range map[string]struct{ first, second, try string }{
		"both are whole":         {fresh, other, "0"},
		"the first is damaged":   {damaged, other, "1"},
		"the second is damaged":  {fresh, damaged, "0"},
		"both of them are whole": {other, fresh, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := ReadEnvironment(bootPlace(t, test.first, test.second))
			if err != nil || state["A_TRY"] != test.try || state["ORDER"] != "A B" || len(state) != 6 {
				t.Errorf("%v, %v", state, err)
			}
		})
	}
	if _, err := ReadEnvironment(bootPlace(t, damaged, damaged)); err == nil {
		t.Error("a damaged state was read")
	}
}

func TestTheStateIsWrittenAsItWas(t *testing.T) {
	boot := bootPlace(t, fresh, fresh)
	state, err := ReadEnvironment(boot)
	if err := errors.Join(err, WriteEnvironment(boot, state)); err != nil {
		t.Fatal(err)
	}
	for _, name := range copies {
		if content, err := os.ReadFile(filepath.Join(boot, name)); err != nil || string(content) != fresh {
			t.Errorf("%s is %q: %v", name, content, err)
		}
	}
	state.Prefer(B)
	state["TRIAL"] = B
	if err := WriteEnvironment(boot, state); err != nil {
		t.Fatal(err)
	}
	want := padded("# GRUB Environment Block\nORDER=B A\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=0\nROUND=0\nTRIAL=B\n")
	if content, _ := os.ReadFile(filepath.Join(boot, copies[1])); string(content) != want {
		t.Errorf("an update is %q", content)
	}
	// The second copy cannot be written: the first has it, which is the one that counts.
	if err := os.Remove(filepath.Join(boot, copies[1])); err != nil {
		t.Fatal(err)
	}
	state.Forbid(B)
	if err := WriteEnvironment(boot, state); err == nil {
		t.Error("a copy that is not there was written")
	}
	if found, err := ReadEnvironment(boot); err != nil || found.IsOK(B) || found["TRIAL"] != "" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestWhichSlotIsNext(t *testing.T) {
	for want, state := range map[string]Environment{
		A:  {"ORDER": "A B", "A_OK": "1", "A_TRY": "0", "B_OK": "1", "B_TRY": "0"},
		B:  {"ORDER": "A B", "A_OK": "1", "A_TRY": "1", "B_OK": "1", "B_TRY": "0"},
		"": {"ORDER": "A B", "A_OK": "0", "B_OK": "0"},
	} {
		if next := state.First(); next != want {
			t.Errorf("%v leads to %s", state, next)
		}
	}
	if spent := (Environment{"ORDER": "B A", "A_OK": "1", "A_TRY": "1", "B_OK": "1", "B_TRY": "1"}); spent.First() != B {
		t.Error("when all tries are spent, they begin again")
	}
}

func TestWhereThisSystemWasStartedFrom(t *testing.T) {
	root := t.TempDir()
	for line, want := range map[string]string{
		"quiet device.slot=B device.disk=1234abcd": root + "/dev/disk/by-partuuid/1234abcd-03",
		"root=/dev/sda1": "",
	} {
		err := errors.Join(os.MkdirAll(root+"/proc", 0o755), os.WriteFile(root+"/proc/cmdline", []byte(line+"\n"), 0o644))
		if err != nil {
			t.Fatal(err)
		}
		device, err := Find(root)
		if want == "" {
			if !errors.Is(err, ErrNoSlot) {
				t.Errorf("%s: %v", line, err)
			}
		} else if err != nil || device.Running != B || device.Partition(B) != want {
			t.Errorf("%s: %+v, %v", line, device, err)
		}
	}
}
