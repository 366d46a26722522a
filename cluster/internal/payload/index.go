package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Index lists what a payload holds.
type Index struct {
	Arch     string            // as recipes name it: armv7, arm64, amd64
	Files    []File            // sorted by path
	Versions map[string]string // of what was built, by its name
}

// File is one file or link of a payload.
type File struct {
	Path        string // relative, with slashes
	Link        string // target of a symbolic link, relative to its directory; empty for a file
	Mode        fs.FileMode
	Size        int64  // bytes of the content
	SHA256      string // of the content, in hex; for files that are unpacked
	FrameSHA256 string // of the frame, in hex; for unpacking
	Offset      int64  // of the frame, from the start of the executable
	Length      int64  // bytes of the frame
}

// IsLink tells links from files.
func (f File) IsLink() bool { return f.Link != "" }

var (
	architectures = []string{"amd64", "arm64", "armv7"}
	fileModes     = []fs.FileMode{0o755, 0o644}
	pathPattern   = regexp.MustCompile(`^[A-Za-z0-9._+~-]+(/[A-Za-z0-9._+~-]+)*$`)
	digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	textPattern   = regexp.MustCompile(`^[ -~]+$`) // printable ASCII, which every JSON writer writes alike
)

// wireIndex is the index as it is written. Pointers tell what is missing.
type wireIndex struct {
	Arch     string            `json:"arch"`
	Files    []wireFile        `json:"files"`
	Format   int               `json:"format"`
	Versions map[string]string `json:"versions"`
}

type wireFile struct {
	Path        string  `json:"path"`
	Link        *string `json:"link"`
	Mode        *int64  `json:"mode"`
	Size        *int64  `json:"size"`
	SHA256      *string `json:"sha256"`
	FrameSHA256 *string `json:"frame_sha256"`
	Offset      *int64  `json:"offset"`
	Length      *int64  `json:"length"`
}

// parseIndex reads and judges an index that itself begins at end, where the
// frames have to end. start is the first byte after the executable.
func parseIndex(raw []byte, start, end int64) (Index, error) {
	var number struct {
		Format int `json:"format"`
	}
	// The number first: a newer format may have fields that are unknown here.
	if err := json.Unmarshal(raw, &number); err != nil {
		return Index{}, fmt.Errorf("the index is not the JSON that it should be: %w", err)
	}
	if number.Format != Format {
		return Index{}, unknownFormat(number.Format)
	}
	var wire wireIndex
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wire); err != nil {
		return Index{}, fmt.Errorf("the index is not the JSON that it should be: %w", err)
	}
	index, err := wire.index()
	if err != nil {
		return Index{}, err
	}
	if err := index.check(start, end); err != nil {
		return Index{}, err
	}
	// Last, because it cannot say where the difference is. It finds repeated
	// keys, of which a decoder silently takes the last.
	if canonical, err := index.canonical(); err != nil || !bytes.Equal(canonical, raw) {
		return Index{}, errors.Join(errors.New("the index is not canonical JSON"), err)
	}
	return index, nil
}

func (w wireIndex) index() (Index, error) {
	index := Index{Arch: w.Arch, Versions: w.Versions}
	for _, file := range w.Files {
		if file.Link != nil {
			if file.Mode != nil || file.Size != nil || file.SHA256 != nil || file.FrameSHA256 != nil || file.Offset != nil || file.Length != nil {
				return Index{}, fmt.Errorf("%q is both a link and a file", file.Path)
			}
			index.Files = append(index.Files, File{Path: file.Path, Link: *file.Link, Mode: fs.ModeSymlink})
			if *file.Link == "" {
				return Index{}, fmt.Errorf("the link %q has no target", file.Path)
			}
			continue
		}
		if file.Mode == nil || file.Size == nil || file.SHA256 == nil || file.FrameSHA256 == nil || file.Offset == nil || file.Length == nil {
			return Index{}, fmt.Errorf("%q lacks one of mode, size, sha256, frame_sha256, offset, length", file.Path)
		}
		index.Files = append(index.Files, File{
			Path: file.Path, Mode: fs.FileMode(*file.Mode), Size: *file.Size, SHA256: *file.SHA256, FrameSHA256: *file.FrameSHA256,
			Offset: *file.Offset, Length: *file.Length,
		})
	}
	return index, nil
}

// canonical is the index as a writer has to write it: keys sorted, no spaces.
func (i Index) canonical() ([]byte, error) {
	files := make([]map[string]any, len(i.Files))
	for n, f := range i.Files {
		if f.IsLink() {
			files[n] = map[string]any{"path": f.Path, "link": f.Link}
			continue
		}
		files[n] = map[string]any{
			"path": f.Path, "mode": int64(f.Mode), "size": f.Size, "sha256": f.SHA256, "frame_sha256": f.FrameSHA256,
			"offset": f.Offset, "length": f.Length,
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(map[string]any{"arch": i.Arch, "files": files, "format": Format, "versions": i.Versions})
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func (i Index) check(start, end int64) error {
	if !slices.Contains(architectures, i.Arch) {
		return fmt.Errorf("the index is for the architecture %q; there are %s", i.Arch, strings.Join(architectures, ", "))
	}
	if len(i.Files) == 0 {
		return errors.New("the index lists no file")
	}
	if i.Versions == nil {
		return errors.New("the index has no versions")
	}
	for name, version := range i.Versions {
		if !textPattern.MatchString(name) || !textPattern.MatchString(version) {
			return fmt.Errorf("the version %q of %q is not plain text", version, name)
		}
	}
	for _, file := range i.Files {
		if err := file.check(); err != nil {
			return err
		}
	}
	if err := i.checkPaths(); err != nil {
		return err
	}
	if err := i.checkLinks(); err != nil {
		return err
	}
	return i.checkFrames(start, end)
}

// check judges what a file says of itself.
func (f File) check() error {
	if !pathPattern.MatchString(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "." || f.Path == ".." || strings.HasPrefix(f.Path, "../") {
		return fmt.Errorf("the path %q does not stay inside the payload, or has characters other than letters, digits and ._+~-", f.Path)
	}
	if f.IsLink() {
		return nil
	}
	if !slices.Contains(fileModes, f.Mode) {
		return fmt.Errorf("%q has mode %#o; only 0755 and 0644 are used", f.Path, uint32(f.Mode))
	}
	if !digestPattern.MatchString(f.SHA256) {
		return fmt.Errorf("%q has no SHA-256, but %q", f.Path, f.SHA256)
	}
	if !digestPattern.MatchString(f.FrameSHA256) {
		return fmt.Errorf("the frame of %q has no SHA-256, but %q", f.Path, f.FrameSHA256)
	}
	if f.Size < 0 || f.Size > sizeLimit {
		return fmt.Errorf("%q has %d bytes; %d are the most", f.Path, f.Size, int64(sizeLimit))
	}
	return nil
}

// checkPaths finds order, repetition, and a file where another needs a directory.
func (i Index) checkPaths() error {
	known := make(map[string]bool, len(i.Files))
	for n, file := range i.Files {
		if known[file.Path] {
			return fmt.Errorf("%q is listed twice", file.Path)
		}
		if n > 0 && i.Files[n-1].Path > file.Path {
			return fmt.Errorf("%q is listed after %q; paths have to be sorted", file.Path, i.Files[n-1].Path)
		}
		known[file.Path] = true
	}
	for _, file := range i.Files {
		for dir := path.Dir(file.Path); dir != "."; dir = path.Dir(dir) {
			if known[dir] {
				return fmt.Errorf("%q is a file, but %q lies below it", dir, file.Path)
			}
		}
	}
	return nil
}

// checkLinks sees to it that every link names a file of this payload.
func (i Index) checkLinks() error {
	for _, link := range i.Files {
		if !link.IsLink() {
			continue
		}
		if path.IsAbs(link.Link) || !filepath.IsLocal(path.Join(path.Dir(link.Path), link.Link)) {
			return fmt.Errorf("the link %q to %q leaves the payload", link.Path, link.Link)
		}
		target, ok := i.File(path.Join(path.Dir(link.Path), link.Link))
		if !ok || target.IsLink() || path.Clean(link.Link) != link.Link {
			return fmt.Errorf("the link %q to %q does not name a file of the payload", link.Path, link.Link)
		}
	}
	return nil
}

// File finds what lies at a path.
func (i Index) File(name string) (File, bool) {
	at, ok := slices.BinarySearchFunc(i.Files, name, func(f File, name string) int { return strings.Compare(f.Path, name) })
	if !ok {
		return File{}, false
	}
	return i.Files[at], true
}

// Directories lists every directory that the files need, parents first.
func (i Index) Directories() []string {
	found := make(map[string]bool)
	for _, file := range i.Files {
		for dir := path.Dir(file.Path); dir != "."; dir = path.Dir(dir) {
			found[dir] = true
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Size is the number of bytes of all unpacked files.
func (i Index) Size() int64 {
	var total int64
	for _, file := range i.Files {
		total += file.Size
	}
	return total
}
