package payload

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

func (p *Payload) extractTo(ctx context.Context, parent *os.Root, name string) error {
	if err := parent.Mkdir(name, 0o700); err != nil {
		return err
	}
	root, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	return errors.Join(p.extract(ctx, root), root.Close())
}

// install moves what was unpacked to its place.
func (p *Payload) install(helpers *os.Root, temporary string) error {
	_, err := helpers.Lstat(p.ID())
	if err != nil {
		err = helpers.Rename(temporary, p.ID())
	} else {
		err = p.exchange(helpers, temporary)
	}
	return errors.Join(err, syncRoot(helpers))
}

// exchange replaces what lies in a damaged directory. The directory itself
// stays, because processes that use it hold their locks on it.
func (p *Payload) exchange(helpers *os.Root, temporary string) error {
	old, err := helpers.Open(p.ID())
	if err != nil {
		return err
	}
	defer old.Close()
	fresh, err := helpers.Open(temporary)
	if err != nil {
		return err
	}
	defer fresh.Close()
	present, err := old.Readdirnames(-1)
	if err != nil {
		return err
	}
	wanted := p.index.topLevel()
	stray := slices.DeleteFunc(present, func(name string) bool { return slices.Contains(wanted, name) })
	for _, name := range append(wanted, stray...) {
		if err := swap(fresh, old, name); err != nil {
			return err
		}
	}
	if err := errors.Join(old.Chown(os.Geteuid(), os.Getegid()), old.Chmod(directoryMode), old.Sync()); err != nil {
		return err
	}
	return helpers.RemoveAll(temporary)
}

// swap makes old/name what fresh/name is. What was there ends up in fresh.
func swap(fresh, old *os.File, name string) error {
	from, to := int(fresh.Fd()), int(old.Fd())
	err := unix.Renameat2(from, name, to, name, unix.RENAME_EXCHANGE)
	if err == nil {
		return nil
	}
	// One of the two is missing, or the file system cannot exchange.
	away := unix.Renameat(to, name, from, removedPrefix+name)
	bring := unix.Renameat(from, name, to, name)
	if errors.Is(away, unix.ENOENT) {
		away = nil
	}
	if errors.Is(bring, unix.ENOENT) {
		bring = nil
	}
	return errors.Join(away, bring)
}

// ExtractTo unpacks the helpers of any architecture into dir, which must not
// exist. It is complete or absent.
func (p *Payload) ExtractTo(ctx context.Context, dir string) error {
	where, err := locate(dir)
	if err != nil {
		return err
	}
	if where.exists() {
		return &Error{Kind: Unusable, Path: dir, Problem: "already exists", Hint: "name a directory that does not exist yet"}
	}
	if err := checkRoom(where.existing, p.index.Size(), p.entries()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(where.path), directoryMode); err != nil {
		return unusable(dir, err)
	}
	parent, err := os.OpenRoot(filepath.Dir(where.path))
	if err != nil {
		return unusable(dir, err)
	}
	defer parent.Close()
	temporary := unpackingPrefix + rand.Text()
	err = p.extractTo(ctx, parent, temporary)
	if err == nil {
		err = errors.Join(parent.Rename(temporary, filepath.Base(where.path)), syncRoot(parent))
	}
	if err != nil {
		return errors.Join(unpackError(dir, err), parent.RemoveAll(temporary))
	}
	return nil
}

func syncRoot(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
