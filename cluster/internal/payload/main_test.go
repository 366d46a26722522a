package payload

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test executable is also the processes that the tests start: a kedge that
// unpacks, a helper that runs. The first argument chooses.
func TestMain(m *testing.M) {
	programs := map[string]func([]string) error{
		"unpack": unpackProgram, "stall": stallProgram, "hold": holdProgram, "running": runningProgram, "map": mapProgram, "wait": waitProgram,
	}
	if len(os.Args) > 2 && os.Args[1] == "as" {
		if err := programs[os.Args[2]](os.Args[3:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// unpackProgram EXECUTABLE DATADIR waits for a line, unpacks, and logs.
func unpackProgram(args []string) error {
	p, err := Open(args[0], WithLogger(slog.New(slog.NewTextHandler(os.Stdout, nil))))
	if err != nil {
		return err
	}
	ready()
	dir, err := p.Unpack(context.Background(), args[1])
	if err != nil {
		return err
	}
	fmt.Println("has", dir.Root())
	return nil
}

// ready tells the test, and waits until it says something or hangs up.
func ready() {
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

// stallProgram EXECUTABLE DATADIR READS unpacks and stops for good after some reads.
func stallProgram(args []string) error {
	p, err := Open(args[0])
	if err != nil {
		return err
	}
	reads, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	s := &stalling{executable: p.file}
	s.left.Store(int32(reads))
	p.file = s
	_, err = p.Unpack(context.Background(), args[1])
	fmt.Println("done", err)
	return err
}

type stalling struct {
	executable
	left atomic.Int32
}

func (s *stalling) ReadAt(data []byte, at int64) (int, error) {
	if s.left.Add(-1) == 0 {
		fmt.Println("stalled")
	}
	if s.left.Load() <= 0 {
		time.Sleep(time.Hour)
	}
	return s.executable.ReadAt(data, at)
}

// holdProgram EXECUTABLE DATADIR keeps the helpers in use until its input ends.
func holdProgram(args []string) error {
	p, err := Open(args[0])
	if err != nil {
		return err
	}
	dir, err := p.Unpack(context.Background(), args[1])
	if err != nil {
		return err
	}
	ready()
	return dir.Close()
}

// runningProgram tells the payload that it carries itself.
func runningProgram([]string) error {
	ready()
	p, err := OpenRunning()
	if err != nil {
		return err
	}
	fmt.Println("id", p.ID())
	return nil
}

// mapProgram FILE maps a file as the dynamic loader maps a library.
func mapProgram(args []string) error {
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	if _, err := unix.Mmap(int(file.Fd()), 0, 1, unix.PROT_READ, unix.MAP_PRIVATE); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	ready()
	return nil
}

func waitProgram([]string) error {
	ready()
	return nil
}

// child is a running program of this executable.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

// start runs one of the programs above, from any copy of this executable.
func start(t *testing.T, executable string, args ...string) *child {
	t.Helper()
	return startWith(t, nil, executable, args...)
}

func startWith(t *testing.T, attributes *syscall.SysProcAttr, executable string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(executable, append([]string{"as"}, args...)...)}
	c.cmd.Args[0] = "by another name" // kedge is started through links too
	c.cmd.SysProcAttr, c.cmd.Stderr = attributes, os.Stderr
	if attributes != nil && attributes.Chroot != "" {
		c.cmd.Dir = "/"
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(stdout)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	return c
}

func (c *child) until(t *testing.T, part string) {
	t.Helper()
	for c.lines.Scan() {
		if strings.Contains(c.lines.Text(), part) {
			return
		}
		t.Log(c.lines.Text())
	}
	t.Fatalf("the process ended before it said %q", part)
}

// finish hangs up and returns the rest of the output and the exit status.
func (c *child) finish(t *testing.T) (string, int) {
	t.Helper()
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for c.lines.Scan() {
		out.WriteString(c.lines.Text() + "\n")
	}
	_ = c.cmd.Wait()
	return out.String(), c.cmd.ProcessState.ExitCode()
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
}

// self is this executable.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// inNamespace runs the test's body in a process with a mount namespace of its
// own; there it is root.
func inNamespace(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	const inside = "KEDGE_TEST_INSIDE"
	if os.Getenv(inside) == t.Name() {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		body(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	cmd := exec.Command(self(t), "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skipf("a mount namespace cannot be made here: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("inside: %v\n%s", err, out)
	}
}

// tmpfs mounts a file system of its own.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mounted here")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755,"+options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|flags, ""); err != nil {
		t.Fatal(err)
	}
}
