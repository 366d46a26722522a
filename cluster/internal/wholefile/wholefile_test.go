package wholefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func names(t *testing.T, directory string) []string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, each := range entries {
		found = append(found, each.Name())
	}
	return found
}

func TestAFileIsReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, content := range []string{"first", "", "third"} {
		reader, _ := os.Open(path)
		if err := Write(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("it holds %q; want %q", got, content)
		}
		if reader == nil {
			continue
		}
		if before, err := io.ReadAll(reader); err != nil || string(before) == content {
			t.Errorf("who had it open reads %q, %v", before, err)
		}
		reader.Close()
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("there is more: %q", got)
	}
}

func TestTheOwnerIsSetBeforeAnybodyFindsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	own := func(temporary string) error {
		asked++
		if read(t, path) != "old" || read(t, temporary) != "new" {
			t.Errorf("%s is found too early", temporary)
		}
		return nil
	}
	if err := WriteOwned(path, []byte("new"), 0o600, own); err != nil || asked != 1 {
		t.Fatalf("asked %d times, %v", asked, err)
	}
	given := ""
	if err := WriteOwned(path, []byte("new"), 0o600, func(each string) error { given = each; return nil }); err != nil || given != path {
		t.Errorf("one that holds it already is given: %q, %v", given, err)
	}
}

func TestWhatFailsLeavesTheOldFileAndNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no")
	for what, problem := range map[string]error{
		"owner": WriteOwned(path, []byte("new"), 0o600, func(string) error { return failure }),
		"content": Fill(path, 0o600, func(file io.Writer) error {
			_, err := file.Write([]byte("half"))
			return errors.Join(failure, err)
		}),
	} {
		if !errors.Is(problem, failure) {
			t.Errorf("%s: %v", what, problem)
		}
	}
	if got := names(t, filepath.Dir(path)); read(t, path) != "old" || len(got) != 1 {
		t.Errorf("it holds %q, beside it: %q", read(t, path), got)
	}
}

func TestLeftoversOfACutWriteAreRemoved(t *testing.T) {
	directory := t.TempDir()
	others := []string{".state.json.7.new", ".state.new", ".state.x1.new", "state.7.new"}
	for _, name := range append([]string{".state.123.new", ".state.4.new"}, others...) {
		if err := os.WriteFile(filepath.Join(directory, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(filepath.Join(directory, "state"), []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, directory), append(others, "state"); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("left: %q; want %q", got, want)
	}
	if err := Clean(directory); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, directory), []string{".state.new", ".state.x1.new", "state", "state.7.new"}; !slices.Equal(got, want) {
		t.Errorf("left of all: %q; want %q", got, want)
	}
}

func TestAFileThatHoldsItIsNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	inode := func() os.FileInfo {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	write := func(mode os.FileMode) {
		if err := Write(path, []byte("same"), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(0o600)
	was := inode()
	if write(0o600); !os.SameFile(was, inode()) {
		t.Error("it was written again")
	}
	if write(0o644); inode().Mode() != 0o644 {
		t.Errorf("mode %v", inode().Mode())
	}
}

func TestALinkIsReplacedNotFollowed(t *testing.T) {
	directory := t.TempDir()
	target, link := filepath.Join(directory, "target"), filepath.Join(directory, "link")
	if err := errors.Join(os.WriteFile(target, []byte("theirs"), 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if read(t, target) != "theirs" || read(t, link) != "ours" {
		t.Error("it was followed")
	}
}
