// Package payload reads the helpers that are appended to kedge's executable,
// and unpacks them into the data directory. It reads what it needs when it
// needs it and maps nothing, so that a payload costs no memory.
package payload

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Payload is what was appended to an executable. It is safe for concurrent use.
type Payload struct {
	path   string
	file   executable
	index  Index
	digest string
	bundle bundle
	log    *slog.Logger
}

// executable is an open file, of which nothing but parts is read.
type executable interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
}

// Option changes how a payload is used.
type Option func(*Payload)

// WithLogger gives the payload a logger; without one it is silent.
func WithLogger(log *slog.Logger) Option {
	return func(p *Payload) { p.log = log }
}

// Open reads the index of the payload of the executable at path, which may be
// one for another architecture. The error is of kind Absent when there is none,
// Damaged when it was truncated or altered, Unsupported when its format is
// another one. The caller closes the payload.
func Open(path string, options ...Option) (*Payload, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the executable: %w", err)
	}
	return fromFile(file, path, options)
}

// fromFile takes over file.
func fromFile(file *os.File, path string, options []Option) (*Payload, error) {
	p := &Payload{path: path, file: file, log: slog.New(slog.DiscardHandler)}
	for _, option := range options {
		option(p)
	}
	if err := p.read(); err != nil {
		return nil, errors.Join(p.describe(err), file.Close())
	}
	return p, nil
}

// Close releases the executable. Directories that were unpacked stay valid.
func (p *Payload) Close() error {
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("close the executable: %w", err)
	}
	return nil
}

// Index lists what the payload holds. Callers must not change it.
func (p *Payload) Index() Index { return p.index }

// Digest is the SHA-256 of the index in hex: it names every byte of the payload.
func (p *Payload) Digest() string { return p.digest }

// ID is the name of the directory that the payload is unpacked into: the first
// 16 digits of its digest.
func (p *Payload) ID() string { return p.digest[:idLength] }

// Path is that of the executable.
func (p *Payload) Path() string { return p.path }

var errAbsent = errors.New("absent")

func (p *Payload) read() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	end, err := executableEnd(p.file, size)
	if err != nil {
		return err
	}
	if p.bundle, err = findBundle(p.file, end, size); err != nil {
		return err
	}
	if p.bundle.length > 0 {
		size = p.bundle.offset // where all else ends
	}
	raw := make([]byte, footerSize)
	if size < end+footerSize {
		return absentOrCut(p.file, end, size)
	}
	if _, err := p.file.ReadAt(raw, size-footerSize); err != nil {
		return err
	}
	foot, present, err := parseFooter(raw, size)
	if err != nil {
		return err
	}
	if !present {
		return absentOrCut(p.file, end, size)
	}
	if foot.offset < end {
		return fmt.Errorf("the footer places the index at %d, inside the executable, which ends at %d", foot.offset, end)
	}
	return p.readIndex(foot, end)
}

func (p *Payload) readIndex(foot footer, start int64) error {
	raw := make([]byte, foot.length)
	if _, err := p.file.ReadAt(raw, foot.offset); err != nil {
		return err
	}
	if sha256.Sum256(raw) != foot.digest {
		return errors.New("the index does not have the SHA-256 that the footer names")
	}
	index, err := parseIndex(raw, start, foot.offset)
	if err != nil {
		return err
	}
	p.index, p.digest = index, hex.EncodeToString(foot.digest[:])
	return nil
}

// absentOrCut tells a build without a payload from one that lost the end of
// it: frames begin where the executable ends.
func absentOrCut(file io.ReaderAt, end, size int64) error {
	if size == end {
		return errAbsent
	}
	begin := make([]byte, min(int64(len(frameMagic)), size-end))
	if _, err := file.ReadAt(begin, end); err != nil {
		return err
	}
	if bytes.HasPrefix(frameMagic, begin) {
		return fmt.Errorf("the file has %d bytes of a payload, but not its end", size-end)
	}
	return errAbsent
}

// executableEnd is where the ELF part of a file ends: behind the last of its
// headers, segments and sections.
func executableEnd(file io.ReaderAt, size int64) (int64, error) {
	parsed, err := elf.NewFile(file)
	if err != nil {
		return 0, foreign(file, err)
	}
	end := tablesEnd(parsed.Class, file)
	for _, segment := range parsed.Progs {
		end = max(end, segment.Off+segment.Filesz)
	}
	for _, section := range parsed.Sections {
		if section.Type != elf.SHT_NOBITS {
			end = max(end, section.Offset+section.FileSize)
		}
	}
	if end > uint64(size) {
		return 0, fmt.Errorf("the executable itself should have %d bytes, the file has %d", end, size)
	}
	return int64(end), nil
}

// tablesEnd is where the tables of headers end, which debug/elf does not tell.
func tablesEnd(class elf.Class, file io.ReaderAt) uint64 {
	if class == elf.ELFCLASS32 {
		var header elf.Header32
		if readHeader(file, &header) != nil {
			return 0
		}
		return max(uint64(header.Ehsize),
			uint64(header.Phoff)+uint64(header.Phnum)*uint64(header.Phentsize),
			uint64(header.Shoff)+uint64(header.Shnum)*uint64(header.Shentsize))
	}
	var header elf.Header64
	if readHeader(file, &header) != nil {
		return 0
	}
	return max(uint64(header.Ehsize),
		header.Phoff+uint64(header.Phnum)*uint64(header.Phentsize),
		header.Shoff+uint64(header.Shnum)*uint64(header.Shentsize))
}

// foreign tells an executable that was cut short from what never was one.
func foreign(file io.ReaderAt, cause error) error {
	begin := make([]byte, len(elf.ELFMAG))
	if _, err := file.ReadAt(begin, 0); err == nil && string(begin) == elf.ELFMAG {
		return fmt.Errorf("the headers of the executable itself are not complete: %w", cause)
	}
	return notELF{cause}
}

// notELF is a file that is no executable at all.
type notELF struct{ cause error }

func (e notELF) Error() string { return "is not an ELF executable: " + e.cause.Error() }

// describe turns what read found into an error for people.
func (p *Payload) describe(err error) error {
	var format formatError
	var foreign notELF
	switch {
	case errors.Is(err, errAbsent):
		return &Error{
			Kind: Absent, Path: p.path, Problem: "carries no helpers; it is a plain development build",
			Hint: "use a kedge that the builder made (builderw make)",
		}
	case errors.As(err, &format):
		return &Error{
			Kind: Unsupported, Path: p.path, Problem: format.Error(),
			Hint: "use the kedge that belongs to that payload, or fetch the file again if it should be this version",
		}
	case errors.As(err, &foreign):
		return &Error{Kind: Damaged, Path: p.path, Problem: foreign.Error(), Hint: "name a kedge executable, or " + fetchAgain}
	default:
		return &Error{Kind: Damaged, Path: p.path, Problem: "the payload is damaged", Cause: err, Hint: fetchAgain}
	}
}
