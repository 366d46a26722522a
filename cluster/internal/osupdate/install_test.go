package osupdate

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"

	"kedge/internal/fetch"
	"kedge/internal/slots"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestAPowerCutAtAnyWriteLeavesTheOldSystem(t *testing.T) {
	next := system(2, 20)
	copy(next[5*block:15*block], system(1, 40)[7*block+13:]) // what the slot in use has, elsewhere
	for cut := 0; ; cut++ {
		b := newBench(t)
		b.put(b.device.Root, "dev/disk/by-partuuid/1234abcd-03", system(3, 64))
		old := b.partition(slots.A)
		source := b.publish(next, version("0.2.0"))
		b.after = cut
		_, err := b.install(source)
		if err == nil {
			if cut < 20 {
				t.Errorf("there were %d writes", cut)
			}
			return
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		grub := b.grub()
		if grub.IsOK(slots.B) || grub.First() != slots.A || grub["TRIAL"] != "" {
			t.Errorf("after %d writes GRUB would start the other slot: %v", cut, grub)
		}
		if left := b.partition(slots.B); bytes.HasPrefix(left, []byte("hsqs")) && !bytes.Equal(left[block:len(next)], next[block:]) {
			t.Errorf("after %d writes the slot looks like a file system", cut)
		}
		if slot, err := b.start(); slot != slots.A || err != nil || !bytes.Equal(b.partition(slots.A), old) {
			t.Errorf("after %d writes slot %s started: %v", cut, slot, err)
		}
		b.after = -1
		figures, err := b.install(source)
		if err != nil || !bytes.HasPrefix(b.partition(slots.B), next) || b.grub().First() != slots.B {
			t.Fatalf("once more after %d writes: %v", cut, err)
		}
		if cut == 15 && figures.Kept < 10*block {
			t.Errorf("what had been written was not used again: %+v", figures)
		}
	}
}

func TestOnlyWhatIsNotHereIsFetched(t *testing.T) {
	b := newBench(t)
	old := system(1, 40)
	next := slices.Concat(old[:10*block], []byte("a few bytes more"), old[10*block:])
	figures, err := b.install(b.publish(next, version("0.2.0")))
	if err != nil || !bytes.HasPrefix(b.partition(slots.B), next) {
		t.Fatal(err)
	}
	// The block that has the new bytes, and the last one, which is short.
	if figures.Fetched != block+int64(len(next)%block) || figures.Copied != int64(len(next))-figures.Fetched {
		t.Errorf("%+v", figures)
	}
	again, err := b.install(fetch.Source{Where: filepath.Join(b.published, "system.update")})
	if err != nil || again.Fetched != 0 || again.Written != 0 || again.Kept != int64(len(next)) {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	_, foreign, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	content := system(2, 50)
	about := version("0.2.0")
	other := about
	other.Board, other.Architecture = "raspberry-pi-3", "arm64"
	for name, test := range map[string]struct {
		spoil func(*bench)
		want  []string
		// begun says that the slot was written to.
		begun bool
	}{
		"not signed":            {func(b *bench) { remove(b, "system.update.minisig") }, []string{"the signature cannot be read"}, false},
		"a foreign key":         {func(b *bench) { b.sign(encoded(b.t, describe(content, about)), foreign) }, []string{"it is of the key"}, false},
		"an altered manifest":   {func(b *bench) { alter(b, "system.update", 20) }, []string{"not what was signed"}, false},
		"a truncated manifest":  {func(b *bench) { truncate(b, "system.update", 100) }, []string{"not what was signed"}, false},
		"no manifest":           {func(b *bench) { b.sign([]byte("kedge"), b.key) }, []string{"is no update"}, false},
		"of a later format":     {func(b *bench) { b.sign([]byte(`{"format": 2}`), b.key) }, []string{"only a newer kedge knows"}, false},
		"no blocks":             {func(b *bench) { b.sign([]byte(`{"format": 1}`), b.key) }, []string{"was not made by the builder"}, false},
		"a file elsewhere":      {func(b *bench) { elsewhere(b, content, about) }, []string{`file "../x" does not lie beside it`}, false},
		"an older version":      {func(b *bench) { b.publish(content, version("0.0.9")) }, []string{"version 0.0.9 is before 0.1.0", "--allow-older"}, false},
		"another device":        {func(b *bench) { b.publish(content, other) }, []string{"made for arm64", "the board raspberry-pi-3"}, false},
		"too large":             {func(b *bench) { b.publish(system(2, 65), about) }, []string{"takes 266240 bytes, and a slot has 262144"}, false},
		"an altered block":      {func(b *bench) { alter(b, "system.squashfs", 30*block) }, []string{"is not the file that was signed: it differs at byte 122880"}, true},
		"a truncated system":    {func(b *bench) { truncate(b, "system.squashfs", 30*block+1) }, []string{"at byte 122880: unexpected EOF"}, true},
		"no system":             {func(b *bench) { remove(b, "system.squashfs") }, []string{"no such file"}, true},
		"nothing is remembered": {func(b *bench) { b.put(b.device.Root, memoryMark, nil) }, []string{"the data partition cannot be used"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			source := b.publish(content, about)
			test.spoil(b)
			_, err := b.install(source)
			for _, want := range append(test.want, "") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not tell %q", err, want)
				}
			}
			grub := b.grub()
			if grub.First() != slots.A || grub.IsOK(slots.B) == test.begun {
				t.Errorf("GRUB's state is %v", grub)
			}
			if !test.begun && !bytes.Equal(b.partition(slots.B), make([]byte, slotSize)) {
				t.Error("the slot was written to")
			}
		})
	}
}

func TestWhoIsAtTheDeviceMayGoBack(t *testing.T) {
	b := newBench(t)
	source := b.publish(system(2, 50), version("0.0.9"))
	remove(b, "system.update.minisig")
	if _, _, err := b.device.Install(t.Context(), Request{Source: source, Older: true, Within: 1}); err != nil {
		t.Error(err)
	}
}

func TestAnUpdateThatWaitsIsForgotten(t *testing.T) {
	b := newBench(t)
	if _, err := b.install(b.publish(system(2, 50), version("0.2.0"))); err != nil {
		t.Fatal(err)
	}
	if next, err := b.device.Rollback(); next != slots.A || err != nil {
		t.Fatalf("slot %s is next: %v", next, err)
	}
	if slot, err := b.start(); slot != slots.A || err != nil {
		t.Errorf("started %s: %v", slot, err)
	}
	if report, err := b.device.Report(); err != nil || report.Trial != nil || report.Failed != nil {
		t.Errorf("%+v, %v", report, err)
	}
}

func elsewhere(b *bench, content []byte, about slots.About) {
	made := describe(content, about)
	made.File = "../x"
	b.sign(encoded(b.t, made), b.key)
}

func remove(b *bench, name string) {
	if err := os.Remove(filepath.Join(b.published, name)); err != nil {
		b.t.Fatal(err)
	}
}

func truncate(b *bench, name string, size int64) {
	if err := os.Truncate(filepath.Join(b.published, name), size); err != nil {
		b.t.Fatal(err)
	}
}

func alter(b *bench, name string, at int) {
	content, err := os.ReadFile(filepath.Join(b.published, name))
	if err != nil {
		b.t.Fatal(err)
	}
	content[at]++
	b.put(b.published, name, content)
}
