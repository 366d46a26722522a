package versions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

const (
	guardLock = "guard.lock"
	guardPoll = time.Second
	// killAfter is how long a version that failed may take to end by itself.
	killAfter = 20 * time.Second
)

// Entry is how a process becomes the version that is to run.
type Entry struct {
	Store Store
	// Self is the file of the executable that runs.
	Self string
	// Argv and Environment are what the version is started with.
	Argv, Environment []string
	// Guard is the command line that ends a version which is not ready in time. It
	// is run by the version before it, which is known to work.
	Guard []string
	Log   *slog.Logger
	// Exec becomes another executable; nil is the system call.
	Exec func(file string, argv, environment []string) error
}

// Enter becomes the version that is in use. It returns when this process already is
// it, and when that one cannot be started: the version at hand is then better than
// none.
func (e Entry) Enter() {
	state, err := e.Store.Read()
	if err != nil {
		e.Log.Error("which version of kedge is in use is not known; this one runs", "error", err)
		return
	}
	for state.Current != Factory && e.Self != e.Store.Executable(state.Current) {
		if state.Trial != nil {
			if state, err = e.begin(); err != nil {
				e.Log.Error("a start of the version on trial cannot be noted; this version runs", "error", err)
				return
			}
			if state.Trial == nil {
				continue // it has failed, and another is in use
			}
			e.guard()
		}
		state = e.become(state)
	}
}

// begin notes that the version on trial is started, or that it has failed.
func (e Entry) begin() (State, error) {
	boot, since := e.Store.boot()
	return e.Store.change(func(state *State) error {
		if state.Trial == nil {
			return nil
		}
		if why := state.Trial.start(boot, since); why != "" {
			e.Log.Error("the version on trial is given up", "version", state.Current, "because", why)
			state.goBack(why)
		}
		return nil
	})
}

// become returns when the version cannot be executed, with what is to be tried next.
func (e Entry) become(state State) State {
	file := e.Store.Executable(state.Current)
	become := e.Exec
	if become == nil {
		become = unix.Exec
	}
	err := become(file, append([]string{file}, e.Argv[1:]...), e.Environment)
	why := fmt.Sprintf("it cannot be executed: %v", err)
	e.Log.Error("a version of kedge is given up", "version", state.Current, "because", why)
	next, err := e.Store.change(func(found *State) error {
		if found.Current == state.Current {
			found.goBack(why)
		}
		return nil
	})
	if err != nil {
		e.Log.Error("that cannot be noted; this version runs", "error", err)
		return State{}
	}
	return next
}

// guard starts the guard in a session of its own. Without one, a version that hangs
// is only found by whoever starts it again.
func (e Entry) guard() {
	guard := exec.Command(e.Self, e.Guard...)
	guard.Stderr = os.Stderr
	guard.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := guard.Start(); err != nil {
		e.Log.Warn("nobody watches whether the version on trial becomes ready", "error", err)
	}
}

// GuardTrial waits for the end of a trial. A version that is not ready in time is left
// and its process ended, for whoever starts kedge to start the one before.
func GuardTrial(ctx context.Context, s Store, problem func() string, log *slog.Logger) error {
	lock, err := s.lock(guardLock, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil // one is enough
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	for {
		state, err := s.Read()
		if err != nil || state.Trial == nil {
			return err
		}
		if _, since := s.boot(); state.Trial.Starts > 0 && since >= state.Trial.Deadline {
			return s.giveUp(ctx, state, problem(), log)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(guardPoll):
		}
	}
}

func (s Store) giveUp(ctx context.Context, tried State, problem string, log *slog.Logger) error {
	why := fmt.Sprintf("it was not ready within %s", tried.Trial.Within)
	if problem != "" {
		why += ": " + problem
	}
	// First the state: whoever starts kedge again must not find this version.
	state, err := s.change(func(state *State) error {
		if state.Trial != nil && state.Current == tried.Current {
			state.goBack(why)
		}
		return nil
	})
	if err != nil || state.Failed == nil || state.Failed.Version != tried.Current {
		return err // it was ready in the last moment
	}
	log.Error("the version on trial is given up", "version", tried.Current, "because", why)
	return s.end(ctx, tried)
}

// end ends the process that tried a version, if it still is one of that version.
func (s Store) end(ctx context.Context, tried State) error {
	descriptor, err := unix.PidfdOpen(tried.Trial.PID, 0)
	if err != nil {
		return nil // it has ended
	}
	defer unix.Close(descriptor)
	if file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", tried.Trial.PID)); err != nil || file != s.Executable(tried.Current) {
		return nil
	}
	if err := unix.PidfdSendSignal(descriptor, unix.SIGTERM, nil, 0); err != nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, killAfter)
	defer stop()
	for ctx.Err() == nil {
		count, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(guardPoll.Milliseconds()))
		if count > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return nil
		}
	}
	return unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0)
}
