package payload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// inspect compares an unpacked directory with the index and returns what is
// wrong with it, in words; nothing if it is as it should be. It compares names,
// types, sizes, modes and owners: that costs a few system calls for each file,
// finds everything that a cut of the power or a careless hand leaves behind
// (files are renamed into place after they are on the disk), and leaves contents
// to inspectContents, which reads everything.
func (p *Payload) inspect(root *os.Root) []string {
	want := make(map[string]File)
	for _, dir := range p.index.Directories() {
		want[dir] = File{Path: dir, Mode: fs.ModeDir | directoryMode}
	}
	for _, file := range p.index.Files {
		want[file.Path] = file
	}
	var wrong []string
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		expected, known := want[name]
		if name == "." {
			expected, known = File{Path: p.ID(), Mode: fs.ModeDir | directoryMode}, true
		}
		if !known {
			wrong = append(wrong, name+" does not belong there")
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		delete(want, name)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if problem := expected.differs(root, name, info); problem != "" {
			wrong = append(wrong, name+" "+problem)
		}
		return nil
	})
	if err != nil {
		return append(wrong, err.Error())
	}
	for name := range want {
		wrong = append(wrong, name+" is missing")
	}
	slices.Sort(wrong)
	return wrong
}

// differs says what is wrong with a file as it lies on the disk.
func (f File) differs(root *os.Root, name string, info fs.FileInfo) string {
	switch {
	case info.Mode().Type() != f.Mode.Type():
		return "is " + describeType(info.Mode())
	case !isTrusted(owner(info)):
		return fmt.Sprintf("belongs to user %d", owner(info))
	case f.IsLink():
		if target, err := root.Readlink(name); err != nil || target != f.Link {
			return fmt.Sprintf("leads to %q", target)
		}
		return ""
	case info.Mode() != f.Mode:
		return fmt.Sprintf("has mode %v", info.Mode())
	case info.Mode().IsRegular() && info.Size() != f.Size:
		return fmt.Sprintf("has %d bytes instead of %d", info.Size(), f.Size)
	}
	return ""
}

// inspectContents also reads every file.
func (p *Payload) inspectContents(ctx context.Context, root *os.Root) []string {
	wrong := p.inspect(root)
	for _, file := range p.index.Files {
		if file.IsLink() || ctx.Err() != nil {
			continue
		}
		got, err := digestOf(root, file.Path)
		switch {
		case err != nil:
			wrong = append(wrong, err.Error())
		case got != file.SHA256:
			wrong = append(wrong, file.Path+" has another content")
		}
	}
	return wrong
}

func digestOf(root *os.Root, name string) (string, error) {
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// topLevel lists the first parts of all paths.
func (i Index) topLevel() []string {
	var names []string
	for _, file := range i.Files {
		name := file.Path
		for path.Dir(name) != "." {
			name = path.Dir(name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// VerifyUnpacked reads every file that lies unpacked below dataDir and returns
// what is wrong, in words. The error is of kind Unknown when nothing is unpacked
// there.
func (p *Payload) VerifyUnpacked(ctx context.Context, dataDir string) ([]string, error) {
	where, err := locate(filepath.Join(dataDir, helpersName, p.ID()))
	if err != nil {
		return nil, err
	}
	if !where.exists() {
		return nil, &Error{Kind: Unknown, Path: where.path, Problem: "is not there yet", Hint: "unpack the helpers with 'kedge payload unpack'"}
	}
	root, err := os.OpenRoot(where.path)
	if err != nil {
		return nil, unusable(where.path, err)
	}
	wrong := p.inspectContents(ctx, root)
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the unpacked helpers: %w", err), root.Close())
	}
	return wrong, root.Close()
}
