package backup

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kedge/internal/datadir"
	"kedge/internal/wholefile"
)

// stagingPrefix begins the name of the directory into which an archive is
// unpacked; one that is left was never used.
const stagingPrefix = ".restore-"

// Restore makes an empty data directory that of the archive. Nothing of it
// counts before every file has arrived as it was saved.
func Restore(in io.Reader, dataDir string, now datadir.Record, etcdutl RunEtcdutl) (Manifest, error) {
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return Manifest{}, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := datadir.Lock(dataDir)
	if err != nil {
		return Manifest{}, err
	}
	defer lock.Close()
	if err := checkEmpty(dataDir, filepath.Base(lock.Name())); err != nil {
		return Manifest{}, err
	}
	staging, err := os.MkdirTemp(dataDir, stagingPrefix)
	if err != nil {
		return Manifest{}, fmt.Errorf("make a directory to unpack into: %w", err)
	}
	defer os.RemoveAll(staging)
	m, err := unpack(in, staging)
	if err != nil {
		return Manifest{}, fmt.Errorf("this archive cannot be restored: %w", err)
	}
	if err := adopt(staging, dataDir, now); err != nil {
		return Manifest{}, err
	}
	if err := restoreSnapshot(staging, etcdutl); err != nil {
		return Manifest{}, err
	}
	return m, moveAll(staging, dataDir)
}

func checkEmpty(dataDir, lock string) error {
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == lock, name == "lost+found":
		case strings.HasPrefix(name, stagingPrefix): // of a restore that was ended
			if err := os.RemoveAll(filepath.Join(dataDir, name)); err != nil {
				return fmt.Errorf("remove what an earlier restore left: %w", err)
			}
		default:
			return &datadir.Error{
				Path: dataDir, Problem: "it is not empty: it has " + name,
				Hint: "move what is there elsewhere, or restore into another directory with --data-dir",
			}
		}
	}
	return nil
}

// unpack writes the files of the archive and compares them with its list.
func unpack(in io.Reader, dir string) (Manifest, error) {
	compressed, err := gzip.NewReader(bufio.NewReader(in))
	if err != nil {
		return Manifest{}, fmt.Errorf("it is no archive of 'kedge backup': %w", err)
	}
	archive := tar.NewReader(compressed)
	header, err := archive.Next()
	if err != nil || header.Name != manifestName {
		return Manifest{}, errors.Join(errors.New("it is no archive of 'kedge backup'"), err)
	}
	m, err := decodeManifest(archive)
	if err != nil {
		return Manifest{}, err
	}
	for _, file := range m.Files {
		header, err := archive.Next()
		if err != nil {
			return Manifest{}, fmt.Errorf("it is damaged: it ends before %s: %w", file.Path, err)
		}
		if header.Name != file.Path || header.Typeflag != tar.TypeReg || header.Size != file.Size {
			return Manifest{}, fmt.Errorf("it is damaged: %s is where %s should be", header.Name, file.Path)
		}
		if err := unpackFile(archive, dir, file); err != nil {
			return Manifest{}, err
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.Join(errors.New("it is damaged: it has more than its list of files says"), err)
	}
	// The sum of the whole stands behind the last file.
	if _, err := io.Copy(io.Discard, compressed); err != nil {
		return Manifest{}, fmt.Errorf("it is damaged: %w", err)
	}
	return m, nil
}

func unpackFile(in io.Reader, dir string, file File) error {
	path := filepath.Join(dir, filepath.FromSlash(file.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", file.Path, err)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != file.SHA256 {
		return fmt.Errorf("it is damaged: %s has the digest %s, not %s", file.Path, sum, file.SHA256)
	}
	if err := os.Chmod(path, file.Mode); err != nil {
		return err
	}
	return own(path, file.Owner)
}

// own gives a file to the user of that name, where there is one. kedge itself
// gives the others to whoever reads them when it starts.
func own(path, name string) error {
	if name == "" || os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil // a machine without the user runs the component as root
	}
	if err != nil {
		return fmt.Errorf("look up user %s: %w", name, err)
	}
	uid, errUID := strconv.Atoi(account.Uid)
	gid, errGID := strconv.Atoi(account.Gid)
	return errors.Join(errUID, errGID, os.Chown(path, uid, gid))
}

// adopt makes the record that of who restores.
func adopt(staging, dataDir string, now datadir.Record) error {
	path := filepath.Join(staging, recordName)
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var record datadir.Record
	if err := json.Unmarshal(content, &record); err != nil {
		return fmt.Errorf("read what the archive's data directory says about itself: %w", err)
	}
	record.UID, now.Storage = now.UID, record.Storage
	if err := datadir.Judge(dataDir, record, now); err != nil {
		return err
	}
	content, err = json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(content, '\n'), 0o600)
}

// moveAll moves what was unpacked to its place. The record comes first and the
// database last: between the two kedge finds a cluster without its database,
// and does not serve.
func moveAll(staging, dataDir string) error {
	entries, err := os.ReadDir(staging)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		return slices.Index(roots(), a.Name()) - slices.Index(roots(), b.Name())
	})
	for _, entry := range entries {
		if err := os.Rename(filepath.Join(staging, entry.Name()), filepath.Join(dataDir, entry.Name())); err != nil {
			return fmt.Errorf("put %s in its place: %w; the directory %s is not complete: empty it and restore again", entry.Name(), err, dataDir)
		}
		if err := wholefile.SyncDirectory(dataDir); err != nil {
			return err
		}
	}
	return nil
}
