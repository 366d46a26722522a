package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// format is raised when older programs would misread an archive.
const format = 1

// manifestName is the archive's first file: what else is in it.
const manifestName = "backup.json"

// maxManifestBytes bounds what is read before anything is believed.
const maxManifestBytes = 16 << 20

// Manifest says what an archive holds, and whose it is.
type Manifest struct {
	Format     int       `json:"format"`
	Version    string    `json:"version"` // of the kedge that made it
	Kubernetes string    `json:"kubernetes"`
	Storage    string    `json:"storage"`
	Created    time.Time `json:"created"`
	Files      []File    `json:"files"`
}

// File is one of the archive, by its path below the data directory.
type File struct {
	Path   string      `json:"path"`
	Mode   fs.FileMode `json:"mode"`
	Owner  string      `json:"owner,omitempty"` // by name: numbers differ between machines
	Size   int64       `json:"size"`
	SHA256 string      `json:"sha256"`
}

// roots are what an archive may hold.
func roots() []string {
	return []string{recordName, "pki", "manifests", "cluster.yaml", "db", snapshotRoot}
}

func decodeManifest(reader io.Reader) (Manifest, error) {
	content, err := io.ReadAll(io.LimitReader(reader, maxManifestBytes))
	if err != nil {
		return Manifest{}, fmt.Errorf("it is damaged: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return Manifest{}, fmt.Errorf("its list of files cannot be read: %w", err)
	}
	if m.Format > format {
		return Manifest{}, fmt.Errorf("kedge %s made it in format %d, and this one knows %d: use that version or a newer one", m.Version, m.Format, format)
	}
	return m, m.check()
}

func (m Manifest) check() error {
	seen := make(map[string]bool)
	for _, file := range m.Files {
		root, _, _ := strings.Cut(file.Path, "/")
		switch {
		case !filepath.IsLocal(file.Path) || filepath.ToSlash(filepath.Clean(file.Path)) != file.Path || !slices.Contains(roots(), root):
			return fmt.Errorf("it has %q, which is no file of a data directory", file.Path)
		case seen[file.Path]:
			return fmt.Errorf("it has %q twice", file.Path)
		case file.Mode&^fs.ModePerm != 0 || file.Size < 0:
			return fmt.Errorf("%q is no ordinary file", file.Path)
		}
		seen[file.Path] = true
	}
	if !seen[recordName] {
		return errors.New("it lacks what the data directory says about itself")
	}
	return nil
}

func digest(reader io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, reader); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
