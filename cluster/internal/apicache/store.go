// Package apicache keeps on disk what this node has seen of its cluster, so that
// it can be told again while no controller answers.
//
// There is one file per question to the API server (a Collection), to which
// objects are added as they change. Everything in it is encrypted with the
// node's own key. What is damaged is lost alone, and told.
package apicache

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"kedge/internal/apiwire"
	"kedge/internal/wholefile"
)

// suffix ends the names of collections' files.
const suffix = ".seen"

// Store is all that was seen.
type Store struct {
	dir    string
	log    *slog.Logger
	key    []byte
	sealer sealer
	marker apiwire.Marker

	// era counts: versions of different eras cannot be compared.
	era atomic.Uint64

	mu          sync.Mutex
	collections map[Key]*Collection
	// dirty are files that the disk may not have yet.
	dirty map[string]struct{}
	// lost counts what could not be read.
	lost int
	// problem is why nothing can be written; nil: it can.
	problem error
}

// Open reads what there is. key is 32 bytes.
func Open(dir string, key []byte, logger *slog.Logger) (*Store, error) {
	sealer, err := newSealer(key)
	if err != nil {
		return nil, fmt.Errorf("open what this node has seen: %w", err)
	}
	s := &Store{
		dir: dir, log: logger, key: key, sealer: sealer, marker: apiwire.NewMarker(),
		collections: make(map[Key]*Collection), dirty: make(map[string]struct{}),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open what this node has seen: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open what this node has seen: %w", err)
	}
	problems := []error{wholefile.Clean(dir)}
	for _, each := range entries {
		if strings.HasSuffix(each.Name(), suffix) {
			problems = append(problems, s.load(each.Name()))
		}
	}
	if err := errors.Join(problems...); err != nil {
		logger.Warn("not everything that this node has seen can be read", "problem", err)
	}
	return s, nil
}

// fileOf names a question's file so that only who has the key can tell what it is.
func (s *Store) fileOf(key Key) string {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s\x00%s\x00%t\x00%s", key.Path, key.Selector, key.Single, key.Format)
	return hex.EncodeToString(mac.Sum(nil)[:16]) + suffix
}

// NewEra says that the controller that answers from now on may have older versions
// than the one before, out of a backup: what it tells counts.
func (s *Store) NewEra() { s.era.Add(1) }

// Era is the present one's number.
func (s *Store) Era() uint64 { return s.era.Load() }

// Hold is what was answered to a question, which is not removed until release is
// called.
func (s *Store) Hold(key Key) (held *Collection, release func()) {
	for {
		held = s.Collection(key)
		if release, ok := held.Hold(); ok {
			return held, release
		}
	}
}

// Collection is what was answered to a question; it may be nothing yet.
func (s *Store) Collection(key Key) *Collection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.collections[key]; ok {
		return found
	}
	made := s.newCollection(key)
	s.collections[key] = made
	return made
}

func (s *Store) newCollection(key Key) *Collection {
	return &Collection{store: s, key: key, file: log{store: s, name: s.fileOf(key)}, objects: make(map[Name]entry)}
}

// Find are the collections of which this is true.
func (s *Store) Find(matches func(Key) bool) []*Collection {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*Collection
	for key, each := range s.collections {
		if matches(key) {
			found = append(found, each)
		}
	}
	return found
}

// Remove forgets what was answered to a question, unless somebody holds it.
func (s *Store) Remove(key Key) error {
	s.mu.Lock()
	found := s.collections[key]
	s.mu.Unlock()
	if found == nil {
		return nil
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	if found.held > 0 {
		return nil
	}
	if err := os.Remove(found.file.path()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget what was seen: %w", err)
	}
	found.removed, found.complete = true, false
	clear(found.objects)
	s.mu.Lock()
	delete(s.collections, key)
	s.mu.Unlock()
	return nil
}

// Report is how the store is.
type Report struct {
	Collections, Objects int
	// Lost is how many entries could not be read.
	Lost int
	// Problem is why nothing new is kept; nil: it is.
	Problem error
}

// Report counts what there is.
func (s *Store) Report() Report {
	s.mu.Lock()
	report := Report{Lost: s.lost, Problem: s.problem}
	collections := slices.Collect(maps.Values(s.collections))
	s.mu.Unlock()
	for _, each := range collections { // whoever writes to one takes the store's lock within its own
		each.mu.Lock()
		if each.complete {
			report.Collections++
			report.Objects += len(each.objects)
		}
		each.mu.Unlock()
	}
	return report
}

// tell says that entries are lost.
func (s *Store) tell(file string, entries int) {
	s.log.Warn("entries of what this node has seen of its cluster are damaged and lost; the controller tells them again when it answers",
		"file", filepath.Join(s.dir, file), "entries", entries)
	s.mu.Lock()
	s.lost += entries
	s.mu.Unlock()
}

// failed notes whether writing works, and says so when that changes.
func (s *Store) failed(err error) error {
	s.mu.Lock()
	was := s.problem
	s.problem = err
	s.mu.Unlock()
	switch {
	case err != nil && was == nil:
		s.log.Error("what this node sees of its cluster is not kept any more: without its controller it will know what it knew before", "problem", err)
	case err == nil && was != nil:
		s.log.Info("what this node sees of its cluster is kept again")
	}
	return err
}

// unsynced notes that the disk may not have a file yet.
func (s *Store) unsynced(file string) {
	s.mu.Lock()
	s.dirty[file] = struct{}{}
	s.mu.Unlock()
}

// Sync gives the disk all that was written.
func (s *Store) Sync() error {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = make(map[string]struct{})
	s.mu.Unlock()
	if len(dirty) == 0 {
		return nil
	}
	problems := []error{wholefile.SyncDirectory(s.dir)}
	for file := range dirty {
		problems = append(problems, syncFile(filepath.Join(s.dir, file)))
	}
	return errors.Join(problems...)
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // forgotten meanwhile
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
