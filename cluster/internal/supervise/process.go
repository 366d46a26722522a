package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime is how long the last lines of a process that has ended may take.
const drainTime = time.Second

// process is one life of the command.
type process struct {
	pid  int
	done chan struct{} // closed when the process and its group are gone, and its output is read
	// end is how it ended; to be read once done is closed.
	end    string
	output *output

	mu     sync.Mutex
	reaped bool // the number may be another process'
}

// launch starts the command. Its output goes to the sink until nobody holds the
// pipe any more, or the process has ended.
func launch(command Command, owner string, sink *output) (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: make a pipe for its output: %w", command.Name, err)
	}
	child := exec.Command(command.path())
	child.Args = command.argv()
	child.Env = command.environment(owner)
	child.Dir = command.Dir
	child.Stdout, child.Stderr = write, write
	child.SysProcAttr = attributes(command.User)

	p := &process{done: make(chan struct{}), output: sink}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The kernel ends the child when the thread ends that made it, not the
		// process: so this thread stays until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := child.Start()
		if err == nil {
			p.pid = child.Process.Pid
		}
		_ = write.Close()
		started <- err
		if err == nil {
			p.await(child)
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		_ = read.Close()
		return nil, fmt.Errorf("start %s: %w", command.Name, err)
	}
	go p.drain(read, ended)
	return p, nil
}

// drain reads the output. A process that left the group may hold the other end
// for ever, so the end of the child is the end of the reading too.
func (p *process) drain(read *os.File, ended <-chan struct{}) {
	defer close(p.done)
	defer read.Close()
	drained := make(chan struct{})
	go func() {
		p.output.read(read)
		close(drained)
	}()
	<-ended
	select {
	case <-drained:
	case <-time.After(drainTime):
	}
}

func attributes(user *User) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if user != nil && int(user.UID) != os.Geteuid() {
		attributes.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID}
	}
	return attributes
}

// await waits for the end of the child. Before its number is given back, all
// that is left of its process group is ended.
func (p *process) await(child *exec.Cmd) {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = unix.Kill(-p.pid, unix.SIGKILL)
	_ = child.Wait() // the state tells all
	p.reaped = true
	p.end = child.ProcessState.String()
}

// terminate asks the process to end.
func (p *process) terminate() { p.signal(p.pid, unix.SIGTERM) }

// kill ends the process and its group.
func (p *process) kill() { p.signal(-p.pid, unix.SIGKILL) }

func (p *process) signal(target int, signal unix.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = unix.Kill(target, signal) // one that has just ended is what was wanted
	}
}
