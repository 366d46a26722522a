package apicache

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kedge/internal/apiwire"
)

var podKind = apiwire.Kind{APIVersion: "v1", Kind: "Pod"}

func pods() Key { return Key{Path: "/api/v1/pods", Format: apiwire.JSON} }

func object(name, version, content string) apiwire.Object {
	raw := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"resourceVersion":%q},"spec":%q}`, name, version, content)
	return apiwire.Object{Kind: podKind, Namespace: "default", Name: name, ResourceVersion: version, Raw: []byte(raw)}
}

// bench is a store and what it says.
type bench struct {
	*Store
	t    *testing.T
	said *bytes.Buffer
	keys [][]byte
}

func newBench(t *testing.T, dir string, keys ...[]byte) *bench {
	t.Helper()
	key, err := OpenKey(dir, keys...)
	if err != nil && !errors.Is(err, ErrUnreadable) {
		t.Fatal(err)
	}
	b := &bench{t: t, said: &bytes.Buffer{}, keys: keys}
	if b.Store, err = Open(dir, key, slog.New(slog.NewTextHandler(b.said, nil))); err != nil {
		t.Fatal(err)
	}
	return b
}

// again is the store after kedge was started anew.
func (b *bench) again() *bench { return newBench(b.t, b.dir, b.keys...) }

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// fill keeps a whole list.
func (b *bench) fill(version string, objects ...apiwire.Object) *Collection {
	b.t.Helper()
	kept := b.Collection(pods())
	b.must(kept.Replace(apiwire.List{Kind: podKind, ResourceVersion: version, Objects: objects}))
	return kept
}

// names are those of the objects that are told; "" when not all was seen.
func (b *bench) names() string {
	kept := b.Collection(pods())
	if _, complete := kept.State(); !complete {
		return ""
	}
	var names []string
	for _, each := range kept.Objects() {
		names = append(names, each.Name+"@"+each.ResourceVersion)
	}
	return strings.Join(names, " ")
}

func (b *bench) expect(want string) {
	b.t.Helper()
	if got := b.names(); got != want {
		b.t.Errorf("kept = %q; want %q", got, want)
	}
}

func (b *bench) file() string {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "*"+suffix))
	if err != nil || len(files) != 1 {
		b.t.Fatalf("files = %q, %v", files, err)
	}
	return files[0]
}

func nodeKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
}

func TestWhatWasSeenIsToldAgain(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	b.expect("")
	kept := b.fill("5", object("b", "3", "one"), object("a", "2", "one"))
	b.must(kept.Put(object("c", "6", "one")))
	b.must(kept.Put(object("a", "7", "two")))
	b.must(kept.Delete(object("b", "8", "one")))
	b.expect("a@7 c@6")
	b = b.again()
	b.expect("a@7 c@6")
	if state, _ := b.Collection(pods()).State(); state.ResourceVersion != "8" || state.Kind != podKind {
		t.Errorf("state = %+v", state)
	}
	b.fill("9", object("c", "6", "one"))
	b.expect("c@6")
	b.again().expect("c@6")
}

func TestWhatSaysNothingNewIsNotWritten(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "2", "one"))
	before, err := os.ReadFile(b.file())
	b.must(err)
	b.must(kept.Put(object("a", "6", "one")))
	b.must(kept.Put(object("a", "1", "old")))
	b.fill("9", object("a", "6", "one"))
	after, err := os.ReadFile(b.file())
	b.must(err)
	if !bytes.Equal(before, after) {
		t.Errorf("%d bytes were written", len(after)-len(before))
	}
	b.must(kept.Put(object("a", "7", "new")))
	b.again().expect("a@7")
}

func TestAControllerOutOfABackupCounts(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	b.fill("50", object("a", "40", "new"), object("b", "41", "new"))
	b.NewEra()
	b.fill("20", object("a", "10", "old"))
	b.expect("a@10")
	b.again().expect("a@10")
}

func TestNothingIsReadableWithoutTheKey(t *testing.T) {
	dir, own := t.TempDir(), nodeKey(t)
	b := newBench(t, dir, own)
	b.fill("5", object("somebody", "2", "secret"))
	b.must(b.Sync())
	b.must(filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		content, _ := os.ReadFile(path)
		for _, word := range []string{"somebody", "secret", "pods", string(b.key)} {
			if strings.Contains(path+string(content), word) && err == nil {
				t.Errorf("%s has %q", path, word)
			}
		}
		return err
	}))
	other := newBench(t, dir, nodeKey(t))
	other.expect("")
	newBench(t, dir, own).expect("") // it was removed, since nobody could read it
}

func TestTheNodesKeyMayChange(t *testing.T) {
	dir, first, second := t.TempDir(), nodeKey(t), nodeKey(t)
	b := newBench(t, dir, first)
	b.fill("5", object("a", "2", "one"))
	newBench(t, dir, second, first).expect("a@2") // the power went before it was sealed anew
	newBench(t, dir, second).expect("a@2")
}

func TestAnotherFormIsLostAndTold(t *testing.T) {
	dir, own := t.TempDir(), nodeKey(t)
	newBench(t, dir, own).fill("5", object("a", "2", "one"))
	path := filepath.Join(dir, keyFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(content, []byte(form), []byte("v0"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKey(dir, own); !errors.Is(err, ErrUnreadable) {
		t.Errorf("error = %v", err)
	}
	newBench(t, dir, own).expect("")
}

func TestDamageIsLostAlone(t *testing.T) {
	for name, damage := range map[string]struct {
		do   func(content []byte, at []int) []byte
		want string
	}{
		"within an object":        {func(c []byte, at []int) []byte { c[at[2]+40] ^= 1; return c }, "a@1 c@3"},
		"an object's length":      {func(c []byte, at []int) []byte { c[at[2]+6] ^= 0x40; return c }, "a@1 c@3"},
		"an object's mark":        {func(c []byte, at []int) []byte { c[at[2]] ^= 1; return c }, "a@1 c@3"},
		"what the file is about":  {func(c []byte, at []int) []byte { c[at[0]+40] ^= 1; return c }, "a@1 b@2 c@3"},
		"cut within the last":     {func(c []byte, at []int) []byte { return c[:len(c)-10] }, ""}, // nobody knows that it was all
		"something behind it":     {func(c []byte, _ []int) []byte { return append(c, "garbage"...) }, "a@1 b@2 c@3"},
		"a piece of it is zeroes": {func(c []byte, at []int) []byte { clear(c[at[1]+3 : at[2]+5]); return c }, "c@3"},
		"all of it is zeroes":     {func(c []byte, _ []int) []byte { clear(c); return c }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, t.TempDir(), nodeKey(t))
			b.fill("5", object("a", "1", "one"), object("b", "2", "one"), object("c", "3", "one"))
			content, err := os.ReadFile(b.file())
			b.must(err)
			var at []int
			frames(content, func(offset int, _ []byte) error { at = append(at, offset); return nil })
			b.must(os.WriteFile(b.file(), damage.do(content, at), 0o600))
			b = b.again()
			b.expect(damage.want)
			if lost := b.Report().Lost; lost == 0 || !strings.Contains(b.said.String(), "damaged and lost") {
				t.Errorf("%d lost; said %q", lost, b.said)
			}
			b = b.again()
			b.expect(damage.want)
			if b.Report().Lost != 0 {
				t.Error("the damage is still there")
			}
			b.fill("9", object("d", "9", "one"))
			b.again().expect("d@9")
		})
	}
}

func TestAFileDoesNotGrowForEver(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
	for version := range 3000 {
		b.must(kept.Put(object("a", fmt.Sprint(10+version), fmt.Sprint("content ", version))))
	}
	info, err := os.Stat(b.file())
	b.must(err)
	if info.Size() > 3*roomy {
		t.Errorf("it takes %d bytes", info.Size())
	}
	b.expect("a@3009 b@2")
	b.again().expect("a@3009 b@2")
}

func TestWhatIsForgottenIsGone(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	gone := b.fill("5", object("a", "1", "one"))
	b.must(b.Remove(pods()))
	b.expect("")
	b.again().expect("")
	if err := gone.Put(object("late", "7", "one")); !errors.Is(err, errRemoved) {
		t.Errorf("what is gone takes more: %v", err)
	}
	if _, held := gone.Hold(); held {
		t.Error("what is gone is held")
	}
	b.fill("6", object("b", "6", "one"))
	_, release := b.Hold(pods())
	b.must(b.Remove(pods()))
	b = b.again()
	b.expect("b@6")
	if b.Report().Lost != 0 {
		t.Error("something is damaged")
	}
	release()
}

// A disk that is full keeps what it has, and takes more when it can.
func TestAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no small disk: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	b := newBench(t, dir, nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"))
	filler := filepath.Join(dir, "filler")
	_ = os.WriteFile(filler, make([]byte, 1<<20), 0o600)
	big := object("b", "6", strings.Repeat("x", 8<<10))
	if err := kept.Put(big); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("error = %v", err)
	}
	b.expect("a@1")
	if b.Report().Problem == nil || !strings.Contains(b.said.String(), "not kept any more") {
		t.Errorf("said %q", b.said)
	}
	if b = b.again(); b.Report().Lost != 0 {
		t.Error("half an object was left")
	}
	b.expect("a@1")
	kept = b.Collection(pods())
	b.must(os.Remove(filler))
	b.must(kept.Put(big))
	if b.Report().Problem != nil {
		t.Error("it still says that it cannot write")
	}
	b.again().expect("a@1 b@6")
}
