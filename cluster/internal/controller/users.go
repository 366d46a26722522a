package controller

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"kedge/internal/argv"
	"kedge/internal/supervise"
)

// Users are the accounts that components run as, where kedge runs as root. The
// API server's user also runs kine, whose socket only its own user may open,
// and the controller manager, which signs with the same keys.
func Users() []string {
	return []string{argv.KubeAPIServer, argv.KubeScheduler, argv.KonnectivityServer, argv.Etcd}
}

// accounts are the users by name. An ordinary user has none and runs everything.
type accounts map[string]supervise.User

func findAccounts(log *slog.Logger) (accounts, error) {
	found := make(accounts)
	if os.Geteuid() != 0 {
		return found, nil
	}
	for _, name := range Users() {
		account, err := user.Lookup(name)
		var unknown user.UnknownUserError
		if errors.As(err, &unknown) {
			log.Warn("there is no such user, so root runs the component; 'kedge install controller' makes users", "user", name)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look up user %s: %w", name, err)
		}
		uid, errUID := strconv.ParseUint(account.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return nil, fmt.Errorf("look up user %s: %w", name, err)
		}
		found[name] = supervise.User{UID: uint32(uid), GID: uint32(gid)}
	}
	return found, nil
}

// of is the user who runs a component; nil is who runs kedge.
func (a accounts) of(name string) *supervise.User {
	if account, ok := a[name]; ok {
		return &account
	}
	return nil
}

// own gives a file to a user; "" and users that do not exist are who runs kedge.
func (a accounts) own(file, name string) error {
	uid, gid := os.Geteuid(), os.Getegid()
	if account := a.of(name); account != nil {
		uid, gid = int(account.UID), int(account.GID)
	}
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && int(is.Uid) == uid && int(is.Gid) == gid {
		return nil
	}
	return os.Lchown(file, uid, gid)
}

// checkWay fails when users of components could not reach a directory: their
// own messages would not say at which of those above it they fail.
func (a accounts) checkWay(dir string) error {
	if len(a) == 0 {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("look whether components' users can reach %s: %w", dir, err)
		}
		const passable = 0o001
		if info.Mode().Perm()&passable == 0 {
			return fmt.Errorf("the users that components run as cannot reach %s: %s is closed to others; choose another directory, or open it with: chmod o+x %s", dir, at, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// directory makes a directory that only its user may enter, or with mode more.
func (a accounts) directory(path, owner string, mode os.FileMode) error {
	err := os.MkdirAll(path, mode)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err == nil {
		err = a.own(path, owner)
	}
	if err != nil {
		return fmt.Errorf("make directory %s: %w", path, err)
	}
	return nil
}
