package payload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Pruned is what Prune did.
type Pruned struct {
	Removed []string // directories of other versions
	Kept    []Kept
}

// Kept is a directory of another version that is still needed.
type Kept struct {
	Path   string
	Reason string
}

// Prune removes the helpers of all other versions, older and newer ones alike,
// that no process uses: neither a kedge that holds its Dir, nor a helper that
// runs or has a library open from there (such as the shim of a pod that
// outlives an update). What the present payload unpacks to always stays.
func (p *Payload) Prune(ctx context.Context, dataDir string) (Pruned, error) {
	where, err := locate(filepath.Join(dataDir, helpersName))
	if err != nil || !where.exists() {
		return Pruned{}, err
	}
	helpers, err := openHelpers(where.path)
	if err != nil {
		return Pruned{}, err
	}
	defer helpers.Close()
	lock, err := p.lockHelpers(ctx, helpers)
	if err != nil {
		return Pruned{}, err
	}
	defer lock.Close()
	if err := removeLeftovers(helpers); err != nil {
		return Pruned{}, unusable(where.path, err)
	}
	pruned, err := p.pruneLocked(helpers)
	return pruned, errors.Join(err, syncRoot(helpers))
}

func (p *Payload) pruneLocked(helpers *os.Root) (Pruned, error) {
	names, err := namesIn(helpers)
	if err != nil {
		return Pruned{}, unusable(helpers.Name(), err)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return !isID(name) || name == p.ID() })
	var pruned Pruned
	if len(names) == 0 {
		return pruned, nil
	}
	uses, err := lookForUses(helpers, names)
	if err != nil {
		return pruned, err
	}
	for _, name := range names {
		path := filepath.Join(helpers.Name(), name)
		reason := uses[name]
		if reason == "" {
			reason, err = removeUnlessLocked(helpers, name)
		}
		if err != nil {
			return pruned, unusable(path, err)
		}
		if reason != "" {
			pruned.Kept = append(pruned.Kept, Kept{Path: path, Reason: reason})
			continue
		}
		pruned.Removed = append(pruned.Removed, path)
		p.log.Info("removed the helpers of another version", "directory", path)
	}
	return pruned, nil
}

// removeUnlessLocked removes a version, or tells why it may not. The directory
// gets another name first: nobody finds it half removed.
func removeUnlessLocked(helpers *os.Root, name string) (reason string, err error) {
	dir, err := helpers.Open(name)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	free, err := tryLock(dir, unix.LOCK_EX)
	if err != nil {
		return "", err
	}
	if !free {
		return "a kedge of that version is running", nil
	}
	if err := helpers.Rename(name, removedPrefix+name); err != nil {
		return "", err
	}
	return "", helpers.RemoveAll(removedPrefix + name)
}

// lookForUses tells for each version why it has to stay, as far as processes
// show it.
func lookForUses(helpers *os.Root, names []string) (map[string]string, error) {
	wanted := make(map[inode]string)
	for _, name := range names {
		err := fs.WalkDir(helpers.FS(), name, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Mode().IsRegular() {
				wanted[inodeOf(info)] = name
			}
			return err
		})
		if err != nil {
			return nil, unusable(filepath.Join(helpers.Name(), name), err)
		}
	}
	found, err := scanProcesses("/proc", helpers.Name(), wanted)
	if err != nil {
		return nil, err
	}
	uses := make(map[string]string)
	for _, name := range names {
		switch {
		case found.pids[name] != 0:
			uses[name] = fmt.Sprintf("process %d runs a helper of it", found.pids[name])
		case found.hidden > 0:
			uses[name] = fmt.Sprintf("%d processes of other users may use it; run this as root", found.hidden)
		}
	}
	return uses, nil
}
