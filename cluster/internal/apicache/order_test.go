package apicache

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"kedge/internal/apiwire"
)

// version is the collection's.
func (b *bench) version() string {
	state, _ := b.Collection(pods()).State()
	return state.ResourceVersion
}

// A node that believed it would start a pod again that was deleted.
func TestAListThatIsBehindBringsNothingBack(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
	b.must(kept.Delete(object("b", "7", "one")))
	b.must(kept.Put(object("c", "8", "one")))
	b.fill("6", object("a", "1", "one"), object("b", "2", "one"))
	b.expect("a@1 c@8")
	b.fill("8", object("c", "8", "one"))
	b.expect("c@8")
	b.again().expect("c@8")
}

func TestAnEventThatIsLateBringsNothingBack(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
	b.must(kept.Delete(object("b", "9", "one"))) // told by one watch
	b.must(kept.Put(object("b", "7", "two")))    // and by another that is behind
	b.expect("a@1")
	b.must(kept.Put(object("b", "12", "anew")))
	b.expect("a@1 b@12")
	kept.Reach("20")
	b.must(kept.Put(object("d", "15", "one")))
	b.expect("a@1 b@12")
}

// What a watch begins with comes in the order of names, not of versions.
func TestWhatAWatchBeginsWithIsKeptInAnyOrder(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"))
	seen := make(map[Name]struct{})
	for _, each := range []apiwire.Object{object("a", "20", "two"), object("b", "12", "one"), object("c", "4", "gone since")} {
		b.must(kept.Seed(each))
		seen[NameOf(each)] = struct{}{}
	}
	b.must(kept.Complete(podKind, "20", seen))
	b.expect("a@20 b@12")
	if got := b.version(); got != "20" {
		t.Errorf("version %s", got)
	}
}

func TestAfterAGapTheNextListCounts(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"))
	kept.Reach("9")
	if kept.TakeGap() {
		t.Error("nothing is missing")
	}
	kept.Miss()
	b.must(kept.Put(object("b", "7", "one"))) // nobody knows whether it is gone
	b.expect("a@1 b@7")
	_ = b.failed(os.ErrInvalid)
	if kept.TakeGap() {
		t.Error("it could not be kept now")
	}
	_ = b.failed(nil)
	if !kept.TakeGap() || kept.TakeGap() {
		t.Error("it is not told once")
	}
	kept.Miss()
	b.fill("8", object("c", "8", "one"))
	b.expect("c@8")
	if kept.TakeGap() {
		t.Error("all of it was told since")
	}
}

func TestVersionsOfABackupAreTold(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	b.fill("50", object("a", "40", "one"))
	b.NewEra()
	kept := b.fill("20", object("a", "10", "one"))
	if got := b.version(); got != "20" {
		t.Errorf("version %s", got)
	}
	b.must(kept.Put(object("b", "21", "one")))
	if got := b.again().version(); got != "21" {
		t.Errorf("after a start: version %s", got)
	}
}

func TestWhatIsDamagedIsToldOnce(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
	content, err := os.ReadFile(b.file())
	b.must(err)
	content[kept.objects[Name{"default", "a"}].at+20] ^= 1
	b.must(os.WriteFile(b.file(), content, 0o600))
	for range 3 {
		b.expect("b@2")
	}
	if lost := b.Report().Lost; lost != 1 {
		t.Errorf("%d lost", lost)
	}
	b.must(kept.Put(object("a", "1", "one"))) // it is told again, and kept
	b.expect("a@1 b@2")
}

func TestWhatCannotBeReadDoesNotKeepTheRestFromBeingWritten(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
	gone := kept.objects[Name{"default", "a"}]
	gone.at = 1 << 30
	kept.objects[Name{"default", "a"}] = gone
	for version := range 200 {
		b.must(kept.Put(object("b", fmt.Sprint(10+version), strings.Repeat("x", 1000)+fmt.Sprint(version))))
	}
	b.expect("b@209")
	b.again().expect("b@209")
}

// What could not be read at the start must not follow what was written since.
func TestAFileThatCouldNotBeReadIsWrittenFromItsBeginning(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	b.fill("5", object("a", "1", "one"), object("b", "2", "one"), object("c", "3", "one"))
	b.collections = map[Key]*Collection{} // as if reading it had failed
	b.fill("9", object("d", "9", "one"))
	b.again().expect("d@9")
}

// cuts are what a file may be after a power cut that came while it was written.
func cuts(before, after []byte) [][]byte {
	var found [][]byte
	const step = 5 // each of them takes a start
	for end := len(before); end < len(after)+step; end += step {
		end := min(end, len(after))
		found = append(found, after[:end])
		if len(found)%8 == 0 {
			zeroes := append([]byte{}, after[:end]...) // the disk knows how long it is, not what is in it
			clear(zeroes[len(before):])
			found = append(found, zeroes)
		}
	}
	return found
}

// Every power cut while something is added leaves what was there before, or that
// and what was added.
func TestPowerCutsWhileItIsWritten(t *testing.T) {
	key := nodeKey(t)
	for what, change := range map[string]func(*Collection) error{
		"an object is added":   func(c *Collection) error { return c.Put(object("c", "7", "new")) },
		"an object is changed": func(c *Collection) error { return c.Put(object("a", "7", "new")) },
		"an object is deleted": func(c *Collection) error { return c.Delete(object("a", "7", "one")) },
		"a list is told": func(c *Collection) error {
			return c.Replace(apiwire.List{Kind: podKind, ResourceVersion: "7", Objects: []apiwire.Object{object("b", "2", "one"), object("c", "7", "one")}})
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, t.TempDir(), key)
			kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
			was := b.names()
			before, err := os.ReadFile(b.file())
			b.must(err)
			b.must(change(kept))
			after, err := os.ReadFile(b.file())
			b.must(err)
			now := b.names()
			between := []string{was, now}
			if what == "a list is told" {
				between = append(between, "a@1 b@2 c@7") // one object after the other
			}
			for _, content := range cuts(before, after) {
				b.must(os.WriteFile(b.file(), content, 0o600))
				if again := b.again(); !slices.Contains(between, again.names()) {
					t.Fatalf("after %d of %d bytes: %q", len(content)-len(before), len(after)-len(before), again.names())
				}
			}
			if again := b.again(); again.Report().Lost != 0 {
				t.Error("what was lost is told again")
			}
		})
	}
}

// A file is written anew beside the old one, which counts until it is replaced.
func TestPowerCutsWhileItIsWrittenAnew(t *testing.T) {
	b := newBench(t, t.TempDir(), nodeKey(t))
	kept := b.fill("5", object("a", "1", "one"), object("b", "2", "one"))
	old, err := os.ReadFile(b.file())
	b.must(err)
	b.must(kept.rewrite())
	anew, err := os.ReadFile(b.file())
	b.must(err)
	file := b.file()
	for end := 0; end < len(anew); end += 5 {
		b.must(os.WriteFile(file, old, 0o600))
		left := strings.Replace(file, kept.file.name, "."+kept.file.name+".12.new", 1)
		b.must(os.WriteFile(left, anew[:end], 0o600))
		again := b.again()
		again.expect("a@1 b@2")
		if _, err := os.Stat(left); err == nil || again.Report().Lost != 0 {
			t.Fatalf("after %d bytes: %v, %d lost", end, err, again.Report().Lost)
		}
	}
	b.must(os.WriteFile(file, anew, 0o600))
	b.again().expect("a@1 b@2")
}
