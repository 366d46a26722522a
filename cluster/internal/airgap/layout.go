package airgap

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
	blobs      = "blobs/sha256/"
	// Documents are small; a layer that is taken for one must not fill the memory.
	mostDocumentBytes = 8 << 20
	// endBytes is how many zeros end an archive (POSIX, pax: two blocks).
	endBytes   = 2 * blockBytes
	blockBytes = 512
)

var knownMembers = regexp.MustCompile(`^(oci-layout|index\.json|blobs|blobs/sha256|blobs/sha256/[0-9a-f]{64})$`)

// span is where a member's content is in the archive.
type span struct{ offset, size int64 }

// layout is the members of a bundle by name.
type layout struct {
	bundle *Bundle
	files  map[string]span
}

var errCut = errors.New("the archive is cut: its end is missing")

// readLayout finds all members; tell hears of those that do not belong there.
func readLayout(ctx context.Context, bundle *Bundle, tell func(what string)) (layout, error) {
	found := layout{bundle: bundle, files: map[string]span{}}
	source := bundle.Reader()
	archive := tar.NewReader(source)
	end := int64(0)
	for ctx.Err() == nil {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, bundle.checkEnd(end)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return layout{}, errCut
		}
		if err != nil {
			return layout{}, errors.New("it is no uncompressed tar archive, or a damaged one")
		}
		offset, err := source.Seek(0, io.SeekCurrent)
		if err != nil {
			return layout{}, err
		}
		end = offset + (header.Size+blockBytes-1)/blockBytes*blockBytes
		name := strings.TrimSuffix(strings.TrimPrefix(header.Name, "./"), "/")
		if what := found.strange(header, name); what != "" {
			tell(fmt.Sprintf("%q: %s", header.Name, what))
		} else if header.Typeflag == tar.TypeReg {
			found.files[name] = span{offset: offset, size: header.Size}
		}
	}
	return layout{}, ctx.Err()
}

func (l layout) strange(header *tar.Header, name string) string {
	_, twice := l.files[name]
	switch {
	case strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), ".."):
		return "its name leads out of the archive"
	case header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeDir:
		return "it is neither a file nor a directory"
	case name != "" && !knownMembers.MatchString(name):
		return "an image layout has no such member"
	case twice:
		return "it is there twice"
	}
	return ""
}

// checkEnd refuses an archive without the zeros that end one: it may be the first
// half of a bundle, cut where a member ended.
func (b *Bundle) checkEnd(end int64) error {
	zeros := make([]byte, endBytes)
	if _, err := b.ReadAt(zeros, end); err != nil {
		return errCut
	}
	if !bytes.Equal(zeros, make([]byte, endBytes)) {
		return errors.New("something stands behind the archive's last member")
	}
	return nil
}

func (l layout) blob(digest string) (span, bool) {
	found, ok := l.files[blobs+strings.TrimPrefix(digest, "sha256:")]
	return found, ok
}

func (l layout) open(where span) *io.SectionReader {
	return l.bundle.section(where.offset, where.size)
}

// read returns a small file.
func (l layout) read(name string) ([]byte, error) {
	where, ok := l.files[name]
	if !ok {
		return nil, fmt.Errorf("there is no %s", name)
	}
	if where.size > mostDocumentBytes {
		return nil, fmt.Errorf("%s is no document: it has %d bytes", name, where.size)
	}
	return io.ReadAll(l.open(where))
}

// decode reads JSON into target.
func (l layout) decode(name string, target any) error {
	raw, err := l.read(name)
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, target) != nil {
		return fmt.Errorf("%s is no JSON of the right form", name)
	}
	return nil
}

// decodeBlob is decode for a blob, which must be what its digest says.
func (l layout) decodeBlob(digest string, target any) error {
	name := blobs + strings.TrimPrefix(digest, "sha256:")
	raw, err := l.read(name)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(raw); digest != "sha256:"+hex.EncodeToString(sum[:]) {
		return fmt.Errorf("the blob %s is damaged: its content is sha256:%x", digest, sum)
	}
	return l.decode(name, target)
}
