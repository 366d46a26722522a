package supervise

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test executable is also the processes that are supervised, and the kedge
// that is killed. The first argument chooses.
func TestMain(m *testing.M) {
	programs := map[string]func([]string){
		"wait": waitProgram, "stubborn": stubbornProgram, "crash": crashProgram, "family": familyProgram, "environment": environmentProgram,
		"kedge": kedgeProgram,
	}
	if len(os.Args) > 2 && os.Args[1] == "as" {
		programs[os.Args[2]](os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// stay keeps a program alive: Go ends one in which nothing can happen any more.
func stay() {
	for {
		time.Sleep(time.Hour)
	}
}

// waitProgram tells that it runs and waits until it is ended.
func waitProgram([]string) {
	fmt.Println("running", os.Getpid())
	stay()
}

// stubbornProgram does not end when it is asked to.
func stubbornProgram([]string) {
	signal.Ignore(syscall.SIGTERM)
	waitProgram(nil)
}

func crashProgram(args []string) {
	fmt.Println("running", os.Getpid())
	fmt.Fprintln(os.Stderr, "E1126 10:00:00.123456    7 crash.go:1] no reason")
	code, _ := strconv.Atoi(args[0])
	os.Exit(code)
}

// familyProgram has a child of its own, in its process group.
func familyProgram([]string) {
	child := exec.Command("/proc/self/exe", "as", "stubborn")
	child.Stdout = os.Stdout
	if err := child.Start(); err != nil {
		panic(err)
	}
	stay()
}

func environmentProgram([]string) {
	for _, entry := range os.Environ() {
		fmt.Println("env", entry)
	}
	fmt.Println("running", os.Getpid())
	stay()
}

// kedgeProgram DIR ROLE supervises a process until it is killed.
func kedgeProgram(args []string) {
	s := New(testCommand("part", args[1]), Options{
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), Owner: args[0], PIDDir: args[0], StopTimeout: time.Minute,
	})
	if err := s.Start(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	stay()
}

func testCommand(name string, args ...string) Command {
	return Command{Name: name, Args: append([]string{"as"}, args...)}
}

// record is a log that tests can wait on.
type record struct {
	mu    sync.Mutex
	lines []string
	new   chan struct{}
}

func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, strings.TrimSpace(string(line)))
	select {
	case r.new <- struct{}{}:
	default:
	}
	return len(line), nil
}

// after waits for a line that contains the text, behind the first skip lines
// that do, and returns it.
func (r *record) after(t *testing.T, skip int, text string) string {
	t.Helper()
	for {
		r.mu.Lock()
		found := skip
		for _, line := range r.lines {
			if strings.Contains(line, text) {
				if found == 0 {
					r.mu.Unlock()
					return line
				}
				found--
			}
		}
		r.mu.Unlock()
		select {
		case <-r.new:
		case <-time.After(patience):
			t.Fatalf("no line %d with %q in:\n%s", skip, text, strings.Join(r.lines, "\n"))
		}
	}
}

// patience only ends tests that have failed.
const patience = 30 * time.Second

// supervised starts a supervisor that is stopped with the test.
func supervised(t *testing.T, dir string, command Command, change func(*Options)) (*Supervisor, *record) {
	t.Helper()
	log := &record{new: make(chan struct{}, 1)}
	options := Options{
		Log:   slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("component", command.Name),
		Owner: dir, PIDDir: dir, StopTimeout: patience,
	}
	if change != nil {
		change(&options)
	}
	s := New(command, options)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Stop(ctx)
	})
	return s, log
}

// pidIn reads the number from a line such as `msg="running 12"`.
func pidIn(t *testing.T, line string) int {
	t.Helper()
	_, rest, _ := strings.Cut(line, "running ")
	number, _, _ := strings.Cut(rest, `"`)
	pid, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		t.Fatalf("no process number in %q", line)
	}
	return pid
}

// awaitGone waits until a process that is no child of the test has ended.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for isAlive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

func isAlive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// startKedge runs kedgeProgram and returns it with the number of its child.
func startKedge(t *testing.T, dir, role string) (*exec.Cmd, int) {
	t.Helper()
	kedge := exec.Command("/proc/self/exe", "as", "kedge", dir, role)
	output, err := kedge.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := kedge.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = kedge.Process.Kill()
		_ = kedge.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"running `) {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return kedge, pidIn(t, lines.Text())
		}
	}
	t.Fatal("the child of kedge did not run")
	return nil, 0
}
