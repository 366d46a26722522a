package apicache

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"kedge/internal/apiwire"
)

// Key is a question to the API server, as far as its answer depends on it.
type Key struct {
	// Path is the question's.
	Path string `json:"path"`
	// Selector tells apart what is asked at one path.
	Selector string `json:"selector,omitempty"`
	// Single says that the answer is one object, and no list.
	Single bool           `json:"single,omitempty"`
	Format apiwire.Format `json:"format"`
}

// Name is an object's within its collection.
type Name struct{ Namespace, Name string }

// NameOf is an object's name.
func NameOf(object apiwire.Object) Name { return Name{object.Namespace, object.Name} }

// Collection is what was answered to one question.
type Collection struct {
	store *Store
	key   Key

	mu       sync.Mutex
	file     log
	kind     apiwire.Kind
	complete bool
	objects  map[Name]entry
	// version is the highest that was seen in this era, of an object or of the whole.
	version uint64
	era     uint64
	// noted is the version of the whole that the file has.
	noted uint64
	// settled says that all was seen in this era, and each change after that: what
	// is not there at this version is gone.
	settled bool
	// gap says that a change was seen that could not be kept.
	gap bool
	// held counts who adds to it as long as they like.
	held    int
	removed bool
}

// entry is an object, and where it is.
type entry struct {
	place
	version uint64
	mark    uint64
	era     uint64 // the store's when it was seen
}

// State is what a collection is.
type State struct {
	Kind            apiwire.Kind
	ResourceVersion string
}

// State tells what there is; false: not everything was seen yet.
func (c *Collection) State() (State, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{c.kind, strconv.FormatUint(c.version, 10)}, c.complete
}

// Hold keeps the collection from being removed until the function is called. One
// that has been removed cannot be held.
func (c *Collection) Hold() (release func(), held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.removed {
		return nil, false
	}
	c.held++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.held--
	}, true
}

// errRemoved says that a collection was removed that somebody still adds to.
var errRemoved = errors.New("it was removed just now")

// reach notes a version of the present era.
func (c *Collection) reach(version uint64) {
	if era := c.store.era.Load(); c.era != era {
		c.era, c.version, c.settled = era, 0, false
	}
	c.version = max(c.version, version)
}

// Reach notes up to which version all changes were told.
func (c *Collection) Reach(resourceVersion string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reach(number(resourceVersion))
}

// Miss notes that a change was seen that could not be kept.
func (c *Collection) Miss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gap, c.settled = true, false
}

// TakeGap says, once, that a change is missing, and that all of it could be kept
// if it were told anew.
func (c *Collection) TakeGap() bool {
	isWritable := c.store.Report().Problem == nil
	c.mu.Lock()
	defer c.mu.Unlock()
	took := c.gap && isWritable
	c.gap = c.gap && !took
	return took
}

// Put keeps an object that a watch tells in its turn, unless a newer one is there,
// or what is there is newer than it: then it has gone since. One that says
// nothing new is not written.
func (c *Collection) Put(object apiwire.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.seed(object); err != nil {
		return err
	}
	c.reach(number(object.ResourceVersion))
	return nil
}

// Seed is Put of an object that a watch begins with: these come in any order.
func (c *Collection) Seed(object apiwire.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seed(object)
}

func (c *Collection) seed(object apiwire.Object) error {
	c.reach(0)
	if _, found := c.objects[NameOf(object)]; !found && c.settled && number(object.ResourceVersion) <= c.version {
		return nil
	}
	if err := c.put(object); err != nil {
		return err
	}
	return c.tidy()
}

func (c *Collection) put(object apiwire.Object) error {
	mark, err := c.store.marker.Mark(c.key.Format, object)
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", object.Kind.Kind, object.Namespace, object.Name, err)
	}
	version, era := number(object.ResourceVersion), c.store.era.Load()
	was, found := c.objects[NameOf(object)]
	switch {
	case found && was.era == era && version < was.version:
		return nil
	case found && mark == was.mark:
		c.objects[NameOf(object)] = entry{was.place, version, mark, era}
		return nil
	}
	where, err := c.write(record{
		Say: sayPut, APIVersion: object.APIVersion, Kind: object.Kind.Kind, Namespace: object.Namespace, Name: object.Name,
		ResourceVersion: object.ResourceVersion, raw: object.Raw,
	})
	if err != nil {
		return err
	}
	c.file.forget(was.place)
	c.kind = object.Kind
	c.objects[NameOf(object)] = entry{where, version, mark, era}
	return nil
}

// Delete forgets an object, unless one is there that is newer than its deletion.
func (c *Collection) Delete(object apiwire.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reach(number(object.ResourceVersion))
	was, found := c.objects[NameOf(object)]
	if !found || was.era == c.store.era.Load() && number(object.ResourceVersion) < was.version {
		return nil
	}
	if err := c.remove(NameOf(object), object.ResourceVersion); err != nil {
		return err
	}
	return c.tidy()
}

// remove writes that an object is gone.
func (c *Collection) remove(gone Name, resourceVersion string) error {
	where, err := c.write(record{Say: sayDelete, Namespace: gone.Namespace, Name: gone.Name, ResourceVersion: resourceVersion})
	if err != nil {
		return err
	}
	c.file.forget(where)
	c.file.forget(c.objects[gone].place)
	delete(c.objects, gone)
	return nil
}

// Replace makes the collection what a list tells, unless it knows better: lists
// may come out of a cache that is behind.
func (c *Collection) Replace(list apiwire.List) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled && c.era == c.store.era.Load() && number(list.ResourceVersion) < c.version {
		return nil
	}
	seen := make(map[Name]struct{}, len(list.Objects))
	for _, object := range list.Objects {
		if err := c.put(object); err != nil {
			return err
		}
		seen[NameOf(object)] = struct{}{}
	}
	return c.settle(list.Kind, list.ResourceVersion, seen)
}

// Complete says that nothing is missing at this version: what was not seen, and
// is no newer, is gone.
func (c *Collection) Complete(kind apiwire.Kind, resourceVersion string, seen map[Name]struct{}) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settle(kind, resourceVersion, seen)
}

func (c *Collection) settle(kind apiwire.Kind, resourceVersion string, seen map[Name]struct{}) error {
	version, era := number(resourceVersion), c.store.era.Load()
	for one, has := range c.objects {
		if _, ok := seen[one]; ok || has.era == era && has.version > version {
			continue
		}
		if err := c.remove(one, resourceVersion); err != nil {
			return err
		}
	}
	c.reach(version)
	if !c.complete || c.kind != kind || version < c.noted { // out of a backup
		where, err := c.write(record{
			Say: sayComplete, Key: &c.key, APIVersion: kind.APIVersion, Kind: kind.Kind, ResourceVersion: resourceVersion,
		})
		if err != nil {
			return err
		}
		c.file.forget(where)
		c.noted = version
	}
	c.kind, c.complete, c.settled, c.gap = kind, true, true, false
	return c.tidy()
}

// write adds a record, and before the first what the file is about.
func (c *Collection) write(r record) (place, error) {
	if c.removed {
		return place{}, errRemoved
	}
	if c.file.size == 0 {
		if _, err := c.file.add(record{Say: sayKey, Key: &c.key}); err != nil {
			return place{}, c.store.failed(err)
		}
	}
	where, err := c.file.add(r)
	return where, c.store.failed(err)
}

// Get reads one object; false: there is none.
func (c *Collection) Get(wanted Name) (apiwire.Object, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	has, found := c.objects[wanted]
	if !found {
		return apiwire.Object{}, false
	}
	r, err := c.file.read(has.place)
	if err != nil {
		c.lose(wanted)
		return apiwire.Object{}, false
	}
	return r.object(), true
}

// lose gives up an object that cannot be read.
func (c *Collection) lose(damaged Name) {
	c.store.tell(c.file.name, 1)
	c.file.forget(c.objects[damaged].place)
	delete(c.objects, damaged)
	c.settled = false
}

// Objects reads all, in the order of their names.
func (c *Collection) Objects() []apiwire.Object {
	c.mu.Lock()
	names := make([]Name, 0, len(c.objects))
	for one := range c.objects {
		names = append(names, one)
	}
	c.mu.Unlock()
	slices.SortFunc(names, func(a, b Name) int {
		if order := strings.Compare(a.Namespace, b.Namespace); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	objects := make([]apiwire.Object, 0, len(names))
	for _, one := range names {
		if object, found := c.Get(one); found {
			objects = append(objects, object)
		}
	}
	return objects
}

func (r record) object() apiwire.Object {
	return apiwire.Object{
		Kind: apiwire.Kind{APIVersion: r.APIVersion, Kind: r.Kind}, Namespace: r.Namespace, Name: r.Name,
		ResourceVersion: r.ResourceVersion, Raw: r.raw,
	}
}

// number reads a version. The API promises that they can be compared as numbers.
func number(resourceVersion string) uint64 {
	version, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return version
}
