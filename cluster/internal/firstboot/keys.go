package firstboot

import (
	"archive/tar"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kedge/internal/nodeconfig"
	"kedge/internal/wholefile"
)

// keysDir is the part of a controller's archive that is unpacked; the archive's
// configuration is the file that node.yaml names.
const keysDir = "pki"

// credentialProblem says why a worker cannot join with a credential. Whether its
// time has come is not asked: a device's clock may be wrong.
func credentialProblem(content []byte, node string) string {
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return "it is no certificate with its key, or cut off: provision the card again"
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return "its certificate cannot be read: provision the card again"
	}
	if _, name, found := strings.Cut(certificate.Subject.CommonName, ":enrol:"); !found || name != node {
		return "it is not for the node " + node + ": provision the card again"
	}
	return ""
}

// entry is a file or a directory of an archive.
type entry struct {
	name    string
	mode    os.FileMode
	isDir   bool
	content []byte
}

// archiveProblem says why an archive cannot be what a cluster's trust stands on.
func archiveProblem(content []byte) string {
	entries, err := entriesOf(content)
	if err != nil {
		return "it is no archive of a cluster's keys, or cut off: provision the card again"
	}
	hasKeys := false
	for _, one := range entries {
		if bytes.IndexByte(one.content, 0) >= 0 {
			return "its " + one.name + " is damaged: provision the card again"
		}
		hasKeys = hasKeys || !one.isDir && strings.HasPrefix(one.name, keysDir+"/")
	}
	if !hasKeys {
		return "it has no keys of a cluster: provision the card again"
	}
	return ""
}

// entriesOf reads all of an archive, and takes nothing that lies elsewhere.
func entriesOf(content []byte) ([]entry, error) {
	const tail = 2 * sectorBytes // of zeroes, at every archive's end
	if len(content) < tail || len(bytes.Trim(content[len(content)-tail:], "\x00")) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	var entries []entry
	for reader := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean(header.Name)
		if !filepath.IsLocal(name) || header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeDir {
			return nil, fmt.Errorf("%s is neither a file nor a directory", header.Name)
		}
		inner, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		mode := os.FileMode(header.Mode) & os.ModePerm
		entries = append(entries, entry{name: name, mode: mode, isDir: header.Typeflag == tar.TypeDir, content: inner})
	}
}

// hasKeysOf tells whether a controller has the keys of the cluster that node.yaml
// names: those of another one are no reason to do without an archive.
func (d Device) hasKeysOf(config nodeconfig.Config) bool {
	if !controls(config) || !d.has(keptUnpacked) {
		return false
	}
	content, err := readIfThere(d.path(keptNode))
	if err != nil || content == nil {
		return false
	}
	kept, err := nodeconfig.Parse(content)
	return err == nil && authorityOf(kept) == authorityOf(config)
}

func authorityOf(config nodeconfig.Config) string {
	if config.Cluster == nil {
		return ""
	}
	return config.Cluster.Authority
}

// unpackKept unpacks a controller's keys where its distribution has them, once
// for each archive.
func (d Device) unpackKept(config nodeconfig.Config) error {
	if config.Credential == "" || !controls(config) {
		return nil
	}
	archive, err := readIfThere(d.path(keptFiles + "/" + config.Credential))
	if archive == nil || err != nil {
		return err
	}
	digest := []byte(digestOf(archive))
	if done, err := readIfThere(d.path(keptUnpacked)); err != nil || bytes.Equal(done, digest) {
		return err
	}
	about, err := d.distribution()
	if err != nil {
		return err
	}
	entries, err := entriesOf(archive)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", config.Credential, err)
	}
	if err := replaceTree(d.path(about.DataDir), entries); err != nil {
		return fmt.Errorf("unpack %s: %w", config.Credential, err)
	}
	return write(d.path(keptUnpacked), digest, private)
}

// replaceTree makes keysDir of parent what the entries say: all of it or none,
// whenever the power goes.
func replaceTree(parent string, entries []entry) (err error) {
	if err := makeDir(parent, publicDir); err != nil {
		return err
	}
	fresh, target := filepath.Join(parent, "."+keysDir+".new"), filepath.Join(parent, keysDir)
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	// What was there, or what was not finished: it may be the full disk that failed.
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	for _, one := range entries {
		inner, ours := strings.CutPrefix(one.name+"/", keysDir+"/")
		if !ours {
			continue
		}
		if err := one.place(filepath.Join(fresh, inner)); err != nil {
			return err
		}
	}
	// One flush for all of them: each of its own would cost a card more than all else.
	if err := syncFileSystem(fresh); err != nil {
		return err
	}
	err = os.Rename(fresh, target)
	if errors.Is(err, os.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, target, unix.RENAME_EXCHANGE)
	}
	return errors.Join(err, wholefile.SyncDirectory(parent))
}

func (e entry) place(name string) error {
	directory := filepath.Dir(name)
	if e.isDir {
		directory = name
	}
	if err := os.MkdirAll(directory, publicDir); err != nil {
		return err
	}
	if !e.isDir {
		if err := os.WriteFile(name, e.content, private); err != nil {
			return err
		}
	}
	return os.Chmod(name, e.mode)
}
