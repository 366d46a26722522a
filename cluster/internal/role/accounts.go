package role

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"kedge/internal/supervise"
)

// Accounts are users of components by name. An ordinary user has none and runs everything.
type Accounts map[string]supervise.User

// FindAccounts looks the users up, where kedge runs as root.
func FindAccounts(log *slog.Logger, users []string) (Accounts, error) {
	found := make(Accounts)
	if os.Geteuid() != 0 {
		return found, nil
	}
	for _, name := range users {
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

// Of is the user who runs a component; nil is who runs kedge.
func (a Accounts) Of(name string) *supervise.User {
	if account, ok := a[name]; ok {
		return &account
	}
	return nil
}

// Own gives a file to a user; "" and users that do not exist are who runs kedge.
func (a Accounts) Own(file, name string) error {
	uid, gid := a.numbers(name)
	return own(file, uid, gid)
}

// numbers are a user's, and those of the group of the same name.
func (a Accounts) numbers(name string) (uid, gid int) {
	if account := a.Of(name); account != nil {
		return int(account.UID), int(account.GID)
	}
	return os.Geteuid(), os.Getegid()
}

// own changes what is not so already: it is called again and again.
func own(file string, uid, gid int) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && int(is.Uid) == uid && int(is.Gid) == gid {
		return nil
	}
	return os.Lchown(file, uid, gid)
}

// socketMode lets owner and group connect.
const socketMode = 0o660

// Share gives a socket to a user and to another one's group.
func (a Accounts) Share(socket, owner, group string) error {
	uid, _ := a.numbers(owner)
	_, gid := a.numbers(group)
	if err := own(socket, uid, gid); err != nil {
		return err
	}
	return os.Chmod(socket, socketMode)
}

// CheckWay fails when users of components could not reach a directory: their
// own messages would not say at which of those above it they fail.
func (a Accounts) CheckWay(dir string) error {
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

// Directory makes a directory that only its user may enter, or with mode more.
func (a Accounts) Directory(path, owner string, mode os.FileMode) error {
	err := os.MkdirAll(path, mode)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err == nil {
		err = a.Own(path, owner)
	}
	if err != nil {
		return fmt.Errorf("make directory %s: %w", path, err)
	}
	return nil
}
