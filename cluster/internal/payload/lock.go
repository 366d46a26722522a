package payload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is the distance of two tries. A try costs a microsecond, and who
// waits does so for the second that another process needs for unpacking.
const lockPoll = 20 * time.Millisecond

// tryLock takes a lock on an open directory; it ends when the file is closed,
// also by the end of the process. ok is false when somebody else holds it.
func tryLock(dir *os.File, how int) (ok bool, err error) {
	for {
		err := unix.Flock(int(dir.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, unusable(dir.Name(), fmt.Errorf("lock: %w", err))
		}
	}
}

// waitLock takes a lock as soon as nobody else holds it. waiting is called once
// if there is something to wait for.
func waitLock(ctx context.Context, dir *os.File, how int, waiting func()) error {
	for first := true; ; first = false {
		ok, err := tryLock(dir, how)
		if ok || err != nil {
			return err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock on %s: %w", dir.Name(), context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}
