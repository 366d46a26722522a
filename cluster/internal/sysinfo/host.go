package sysinfo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// written is when these checks were: no clock that is right shows an earlier day.
const written = "2026-11-24T00:00:00Z"

// Running is the machine that this process runs on. earliest may be zero;
// otherwise it is a time that has certainly passed, such as that of the build.
func Running(dataDir string, earliest time.Time) (Host, error) {
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return Host{}, err
	}
	notBefore, err := time.Parse(time.RFC3339, written)
	if err != nil {
		return Host{}, err
	}
	if earliest.After(notBefore) {
		notBefore = earliest
	}
	return Host{
		Root: os.DirFS("/"), Path: os.Getenv("PATH"), DataDir: dataDir, Disk: diskOf(dataDir), Now: time.Now(), NotBefore: notBefore,
	}, nil
}

// diskOf looks at the deepest part of a directory that exists. The zero Disk
// is one that cannot be looked at.
func diskOf(dir string) Disk {
	var status unix.Statfs_t
	for {
		err := unix.Statfs(dir, &status)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == "/" {
			return Disk{}
		}
		dir = filepath.Dir(dir)
	}
	return Disk{
		Path: dir, Total: status.Blocks * uint64(status.Bsize), Free: status.Bavail * uint64(status.Bsize),
		IsReadOnly: status.Flags&unix.ST_RDONLY != 0, IsNoexec: status.Flags&unix.ST_NOEXEC != 0,
	}
}

func isExecutable(host Host, file string) bool {
	info, err := fs.Stat(host.Root, strings.TrimPrefix(file, "/"))
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
