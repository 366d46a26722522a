package manifests

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long nothing must change before files are read: programs
	// write files in pieces.
	settle = 2 * time.Second
	// rescan finds changes that no event told of, such as those on NFS.
	rescan = 5 * time.Minute

	firstRetry = time.Second
	lastRetry  = time.Minute
)

// nameForm is what both a label and a part of an object's name can be.
var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`)

// Watcher keeps a cluster as stacks say for as long as it runs.
type Watcher struct {
	cluster Cluster
	dir     string
	own     map[string]fs.FS

	// Run alone touches these two.
	applied map[string][sha256.Size]byte // digests of what the cluster has, by stack
	told    map[string]string            // the last problem, by stack

	mu       sync.Mutex
	notReady error
}

// NewWatcher makes a watcher that does nothing yet. In dir is a directory for
// each stack of the user; own are those that kedge brings.
func NewWatcher(cluster Cluster, dir string, own map[string]fs.FS) *Watcher {
	return &Watcher{
		cluster: cluster, dir: dir, own: own, applied: make(map[string][sha256.Size]byte), told: make(map[string]string),
		notReady: errors.New("nothing was applied yet"),
	}
}

// Ready is nil once the cluster has had all that kedge brings.
func (w *Watcher) Ready() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.notReady
}

// remedy is what to do where a user's programs watch as much as they may, which
// the kernel tells in the words of another problem.
func remedy(err error) string {
	if !errors.Is(err, syscall.EMFILE) {
		return ""
	}
	return " (programs of this user hold all watches that it may have: raise fs.inotify.max_user_instances with sysctl, or the limit of open files)"
}

// Run works until ctx ends. A stack that cannot be applied is told and tried
// again; the others go on.
func (w *Watcher) Run(ctx context.Context) error {
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of manifests: %w", err)
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the manifests in %s: %w%s", w.dir, err, remedy(err))
	}
	defer events.Close()
	delay := firstRetry
	timer := time.NewTimer(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events.Events:
			delay = firstRetry
			timer.Reset(settle)
			continue
		case err := <-events.Errors: // too many at once: some are lost
			w.cluster.Log.Warn("changes of manifests were missed", "error", err)
			timer.Reset(settle)
			continue
		case <-timer.C:
		}
		if w.pass(ctx, events) {
			delay = firstRetry
			timer.Reset(rescan)
			continue
		}
		timer.Reset(delay)
		delay = min(2*delay, lastRetry)
	}
}

// pass brings the cluster to what the directories say now.
func (w *Watcher) pass(ctx context.Context, events *fsnotify.Watcher) (ok bool) {
	stacks, err := w.read(ctx, events)
	ok = w.tell(ctx, "", err)
	defer w.noteReadiness()
	for _, stack := range stacks {
		if last, found := w.applied[stack.Name]; found && last == stack.digest {
			continue
		}
		if !w.tell(ctx, stack.Name, w.cluster.Sync(ctx, stack)) {
			ok = false
			continue
		}
		w.cluster.Log.Info("a stack is applied", "stack", stack.Name, "objects", len(stack.Objects))
		w.applied[stack.Name] = stack.digest
	}
	return ok
}

func (w *Watcher) noteReadiness() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var problems []error
	for name := range w.own {
		if _, isApplied := w.applied[name]; !isApplied {
			problems = append(problems, fmt.Errorf("stack %s is not applied: %s", name, w.told[name]))
		}
	}
	w.notReady = errors.Join(problems...)
}

// tell logs a problem once until it changes.
func (w *Watcher) tell(ctx context.Context, stack string, problem error) (ok bool) {
	if problem == nil {
		delete(w.told, stack)
		return true
	}
	if ctx.Err() == nil && w.told[stack] != problem.Error() {
		w.told[stack] = problem.Error()
		w.cluster.Log.Error("manifests cannot be applied", "stack", stack, "error", problem)
	}
	return false
}

// read reads all stacks. Those that only the cluster knows are empty now.
func (w *Watcher) read(ctx context.Context, events *fsnotify.Watcher) ([]Stack, error) {
	var stacks []Stack
	for _, name := range slices.Sorted(maps.Keys(w.own)) {
		stacks = append(stacks, Read(name, w.own[name]))
	}
	// Watched before they are read, so that no change falls between the two.
	problems := []error{w.watch(events, w.dir)}
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return stacks, errors.Join(append(problems, fmt.Errorf("read the directory of manifests: %w", err))...)
	}
	for _, entry := range entries {
		path := filepath.Join(w.dir, entry.Name())
		// Through symbolic links. A directory that cannot be read is a stack
		// with a problem, not one that went.
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			continue
		}
		if problem := w.checkName(entry.Name()); problem != nil {
			problems = append(problems, fmt.Errorf("%s: %w", path, problem))
			continue
		}
		problems = append(problems, w.watch(events, path))
		stacks = append(stacks, Read(entry.Name(), os.DirFS(path)))
	}
	known, err := newRecords(w.cluster.Client).names(ctx)
	for _, name := range known {
		if !slices.ContainsFunc(stacks, func(stack Stack) bool { return stack.Name == name }) {
			stacks = append(stacks, Stack{Name: name})
		}
	}
	return stacks, errors.Join(append(problems, err)...)
}

func (w *Watcher) watch(events *fsnotify.Watcher, path string) error {
	if err := events.Add(path); err != nil {
		return fmt.Errorf("watch %s: %w; changes are seen only every %s", path, err, rescan)
	}
	return nil
}

func (w *Watcher) checkName(name string) error {
	if _, isOwn := w.own[name]; isOwn {
		return errors.New("kedge has a stack of that name: choose another")
	}
	if !nameForm.MatchString(name) {
		return errors.New("the name of a stack has small letters, digits and hyphens, 50 at most")
	}
	return nil
}
