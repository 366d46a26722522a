package payload

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names that unpacking uses beside the directories of versions. Whoever holds
// the lock on their directory may remove them: their process is gone.
const (
	unpackingPrefix = ".unpacking-"
	removedPrefix   = ".removed-"
)

// DefaultDataDir is where kedge keeps its data unless it is told otherwise.
const DefaultDataDir = "/var/lib/kedge"

// inspector says what is wrong with an unpacked directory.
type inspector func(*os.Root) []string

// Unpack makes sure that the helpers lie below dataDir, in
// helpers/<ID>, and keeps them there until the returned Dir is closed. It
// unpacks only if they are not there or visibly damaged (see Repair), and then
// all or nothing: other processes and later starts see complete directories
// only. Of several processes one unpacks and the others wait.
//
// Errors are of kind Damaged or Unsupported (the executable), Untrusted (the
// directory), Unusable (the file system). After each of them nothing half-made
// is left, and a later call may succeed.
func (p *Payload) Unpack(ctx context.Context, dataDir string) (*Dir, error) {
	return p.unpack(ctx, dataDir, p.inspect)
}

// Repair is Unpack, but reads every unpacked file to find damage.
func (p *Payload) Repair(ctx context.Context, dataDir string) (*Dir, error) {
	return p.unpack(ctx, dataDir, func(root *os.Root) []string { return p.inspectContents(ctx, root) })
}

func (p *Payload) unpack(ctx context.Context, dataDir string, inspect inspector) (*Dir, error) {
	if err := p.checkArch(); err != nil {
		return nil, err
	}
	where, err := locate(filepath.Join(dataDir, helpersName))
	if err != nil {
		return nil, err
	}
	if err := checkRunnable(where.existing); err != nil {
		return nil, err
	}
	if where.exists() {
		helpers, err := openHelpers(where.path)
		if err != nil {
			return nil, err
		}
		dir, _, err := p.sound(helpers, inspect)
		if err := errors.Join(err, helpers.Close()); err != nil || dir != nil {
			return dir, err
		}
	}
	return p.unpackInto(ctx, where, inspect)
}

// unpackInto does what needs the lock.
func (p *Payload) unpackInto(ctx context.Context, where place, inspect inspector) (*Dir, error) {
	if err := checkRoom(where.existing, p.index.Size(), p.entries()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(where.path, directoryMode); err != nil {
		return nil, unusable(where.path, err)
	}
	helpers, err := openHelpers(where.path)
	if err != nil {
		return nil, err
	}
	defer helpers.Close()
	lock, err := p.lockHelpers(ctx, helpers)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := removeLeftovers(helpers); err != nil {
		return nil, unusable(where.path, err)
	}
	dir, wrong, err := p.sound(helpers, inspect) // somebody may have been quicker
	if err != nil || dir != nil {
		return dir, err
	}
	if len(wrong) > 0 {
		p.log.Warn("the unpacked helpers are damaged; unpacking them again", "directory", where.path, "damage", strings.Join(wrong, ", "))
	}
	if err := p.unpackAnew(ctx, helpers); err != nil {
		return nil, err
	}
	dir, ok, err := p.use(helpers, p.ID())
	if err == nil && !ok {
		err = unusable(where.path, errors.New("what was unpacked has disappeared"))
	}
	return dir, err
}

// sound returns the unpacked directory if there is one and nothing is wrong
// with it; else what is wrong.
func (p *Payload) sound(helpers *os.Root, inspect inspector) (*Dir, []string, error) {
	dir, ok, err := p.use(helpers, p.ID())
	if err != nil || !ok {
		return nil, nil, err
	}
	root, err := helpers.OpenRoot(p.ID())
	if err != nil {
		return nil, nil, errors.Join(unusable(dir.path, err), dir.Close())
	}
	wrong := inspect(root)
	if err := root.Close(); err != nil {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return nil, wrong, dir.Close()
	}
	return dir, nil, nil
}

func (p *Payload) unpackAnew(ctx context.Context, helpers *os.Root) error {
	started := time.Now()
	temporary := unpackingPrefix + rand.Text()
	err := p.extractTo(ctx, helpers, temporary)
	if err == nil {
		err = p.install(helpers, temporary)
	}
	if err != nil {
		return errors.Join(unpackError(helpers.Name(), err), helpers.RemoveAll(temporary))
	}
	// Once in the life of a device. What the decoders took goes back now.
	debug.FreeOSMemory()
	p.log.Info("unpacked the helpers", "directory", filepath.Join(helpers.Name(), p.ID()), "bytes", p.index.Size(), "seconds", time.Since(started).Seconds())
	return nil
}

// unpackError leaves alone what is not about the directory.
func unpackError(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("unpack the helpers: %w", err)
	}
	return unusable(path, err)
}

func (p *Payload) lockHelpers(ctx context.Context, helpers *os.Root) (*os.File, error) {
	dir, err := helpers.Open(".")
	if err != nil {
		return nil, unusable(helpers.Name(), err)
	}
	err = waitLock(ctx, dir, unix.LOCK_EX, func() {
		p.log.Info("another kedge is unpacking or removing helpers; waiting for it", "directory", helpers.Name())
	})
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

func openHelpers(path string) (*os.Root, error) {
	helpers, err := os.OpenRoot(path)
	if err != nil {
		return nil, unusable(path, err)
	}
	info, err := helpers.Stat(".")
	if err == nil {
		err = checkOwn(path, info)
	}
	if err != nil {
		return nil, errors.Join(unusable(path, err), helpers.Close())
	}
	return helpers, nil
}

// removeLeftovers removes what processes left that were killed. The caller
// holds the lock.
func removeLeftovers(helpers *os.Root) error {
	names, err := namesIn(helpers)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, unpackingPrefix) || strings.HasPrefix(name, removedPrefix) {
			if err := helpers.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func namesIn(root *os.Root) ([]string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	return names, errors.Join(err, dir.Close())
}

// entries is how many inodes unpacking takes.
func (p *Payload) entries() int {
	return len(p.index.Files) + len(p.index.Directories()) + 1
}

// checkArch refuses helpers that this machine cannot start.
func (p *Payload) checkArch() error {
	here := map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armv7"}[runtime.GOARCH]
	if p.index.Arch == here {
		return nil
	}
	return &Error{
		Kind: Unsupported, Path: p.path, Problem: fmt.Sprintf("its helpers are for %s, this machine is %s", p.index.Arch, here),
		Hint: "use the kedge for this machine; to look at these helpers, unpack them into a directory of your choice (kedge payload unpack --to DIR)",
	}
}
