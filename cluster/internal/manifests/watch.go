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
	Cluster Cluster
	// Dir has a directory for each stack of the user.
	Dir string
	// Own are the stacks that kedge brings.
	Own map[string]fs.FS
}

// state is what a running watcher remembers.
type state struct {
	Watcher
	applied map[string][sha256.Size]byte // digests of what the cluster has, by stack
	told    map[string]string            // the last problem, by stack
}

// Run works until ctx ends. A stack that cannot be applied is told and tried
// again; the others go on.
func (w Watcher) Run(ctx context.Context) error {
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of manifests: %w", err)
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the manifests in %s: %w", w.Dir, err)
	}
	defer events.Close()
	s := &state{Watcher: w, applied: make(map[string][sha256.Size]byte), told: make(map[string]string)}
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
			w.Cluster.Log.Warn("changes of manifests were missed", "error", err)
			timer.Reset(settle)
			continue
		case <-timer.C:
		}
		if s.pass(ctx, events) {
			delay = firstRetry
			timer.Reset(rescan)
			continue
		}
		timer.Reset(delay)
		delay = min(2*delay, lastRetry)
	}
}

// pass brings the cluster to what the directories say now.
func (s *state) pass(ctx context.Context, events *fsnotify.Watcher) (ok bool) {
	stacks, err := s.read(ctx, events)
	ok = s.tell(ctx, "", err)
	for _, stack := range stacks {
		if last, found := s.applied[stack.Name]; found && last == stack.digest {
			continue
		}
		if !s.tell(ctx, stack.Name, s.Cluster.Sync(ctx, stack)) {
			ok = false
			continue
		}
		s.Cluster.Log.Info("a stack is applied", "stack", stack.Name, "objects", len(stack.Objects))
		s.applied[stack.Name] = stack.digest
	}
	return ok
}

// tell logs a problem once until it changes.
func (s *state) tell(ctx context.Context, stack string, problem error) (ok bool) {
	if problem == nil {
		delete(s.told, stack)
		return true
	}
	if ctx.Err() == nil && s.told[stack] != problem.Error() {
		s.told[stack] = problem.Error()
		s.Cluster.Log.Error("manifests cannot be applied", "stack", stack, "error", problem)
	}
	return false
}

// read reads all stacks. Those that only the cluster knows are empty now.
func (s *state) read(ctx context.Context, events *fsnotify.Watcher) ([]Stack, error) {
	var stacks []Stack
	for _, name := range slices.Sorted(maps.Keys(s.Own)) {
		stacks = append(stacks, Read(name, s.Own[name]))
	}
	// Watched before they are read, so that no change falls between the two.
	problems := []error{s.watch(events, s.Dir)}
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return stacks, errors.Join(append(problems, fmt.Errorf("read the directory of manifests: %w", err))...)
	}
	for _, entry := range entries {
		path := filepath.Join(s.Dir, entry.Name())
		// Through symbolic links. A directory that cannot be read is a stack
		// with a problem, not one that went.
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			continue
		}
		if problem := s.checkName(entry.Name()); problem != nil {
			problems = append(problems, fmt.Errorf("%s: %w", path, problem))
			continue
		}
		problems = append(problems, s.watch(events, path))
		stacks = append(stacks, Read(entry.Name(), os.DirFS(path)))
	}
	known, err := newRecords(s.Cluster.Client).names(ctx)
	for _, name := range known {
		if !slices.ContainsFunc(stacks, func(stack Stack) bool { return stack.Name == name }) {
			stacks = append(stacks, Stack{Name: name})
		}
	}
	return stacks, errors.Join(append(problems, err)...)
}

func (s *state) watch(events *fsnotify.Watcher, path string) error {
	if err := events.Add(path); err != nil {
		return fmt.Errorf("watch %s: %w; changes are seen only every %s", path, err, rescan)
	}
	return nil
}

func (s *state) checkName(name string) error {
	if _, isOwn := s.Own[name]; isOwn {
		return errors.New("kedge has a stack of that name: choose another")
	}
	if !nameForm.MatchString(name) {
		return errors.New("the name of a stack has small letters, digits and hyphens, 50 at most")
	}
	return nil
}
