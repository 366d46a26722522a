// Package supervise runs one process for as long as it is wanted: it starts it
// again when it ends, and leaves nothing behind, however kedge itself ends.
package supervise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ownExecutable is this process' executable, also after its file was replaced:
// what is started again later is then still of the same version.
const ownExecutable = "/proc/self/exe"

// marker is the environment variable by which a later kedge of the same data
// directory knows a process that was left behind.
const marker = "KEDGE_SUPERVISED_BY"

// private are the variables of kedge's own environment that speak of kedge's
// process, or of what kedge decides for each process.
var private = []string{
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
	"INVOCATION_ID", "JOURNAL_STREAM", "GOGC", "GOMEMLIMIT", marker,
}

// Command is what to run.
type Command struct {
	// Name is the component's.
	Name string
	// Program is argv[0], by which kedge's own executable knows what it shall
	// be; empty means Name.
	Program string
	// Executable is the user's own program; empty means kedge itself.
	Executable string
	// Args are the arguments, without argv[0].
	Args []string
	// Env is added to the environment that is passed on.
	Env []string
	// Dir is the working directory; empty is kedge's.
	Dir string
	// User is who the process runs as; nil is who runs kedge.
	User *User
	// Listens are the addresses that the process will listen on. Somebody
	// else's program there is told before the first start.
	Listens []string
	// OOMScoreAdjust says how ready the kernel is to kill the process when
	// memory runs out, from -1000 to 1000. Less than kedge's own needs root.
	OOMScoreAdjust int
}

// User is an account by its numbers.
type User struct {
	UID uint32
	GID uint32
}

// Options are what a supervisor is told besides the command.
type Options struct {
	Log *slog.Logger
	// Owner is the data directory, of which only one kedge runs at a time.
	Owner string
	// PIDDir is where the running process is noted.
	PIDDir string
	// StopTimeout is how long the process may take to end after SIGTERM.
	StopTimeout time.Duration
	// Probe is nil when the process serves. It resets the backoff; without it
	// a process that lives for MaxBackoff does.
	Probe func(ctx context.Context) error
}

func (c Command) path() string {
	if c.Executable != "" {
		return c.Executable
	}
	return ownExecutable
}

func (c Command) argv() []string {
	return slices.Concat([]string{cmp.Or(c.Program, c.Name)}, c.Args)
}

func (c Command) environment(owner string) []string {
	inherited := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(private, name)
	})
	return slices.Concat(inherited, c.Env, []string{marker + "=" + owner})
}

// checkListens fails when an address is taken.
func (c Command) checkListens() error {
	var problems []error
	for _, address := range c.Listens {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s cannot listen on %s: %w", c.Name, address, err))
			continue
		}
		_ = listener.Close()
	}
	return errors.Join(problems...)
}

// setOOMScore tells the kernel. An ordinary user may not make a process less
// likely to be killed, and then does without.
func setOOMScore(pid, adjust int) error {
	if adjust == 0 {
		return nil
	}
	file := "/proc/" + strconv.Itoa(pid) + "/oom_score_adj"
	return os.WriteFile(file, []byte(strconv.Itoa(adjust)), 0)
}
