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
	// version is the highest that was seen, of an object or of the whole.
	version uint64
	objects map[Name]entry
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

// Hold keeps the collection from being removed until the function is called.
func (c *Collection) Hold() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.held--
	}
}

// errRemoved says that a collection was removed that somebody still adds to.
var errRemoved = errors.New("it was removed just now")

// Put keeps an object, unless a newer one is there. One that says nothing new is
// not written.
func (c *Collection) Put(object apiwire.Object) error {
	mark, err := c.store.marker.Mark(c.key.Format, object)
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", object.Kind.Kind, object.Namespace, object.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	version := number(object.ResourceVersion)
	was, found := c.objects[NameOf(object)]
	era := c.store.era.Load()
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
	c.version = max(c.version, version)
	c.objects[NameOf(object)] = entry{where, version, mark, era}
	return c.tidy()
}

// Delete forgets an object, unless one is there that is newer than its deletion.
func (c *Collection) Delete(object apiwire.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
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
	c.version = max(c.version, number(resourceVersion))
	delete(c.objects, gone)
	return nil
}

// Complete says that nothing is missing at this version: what was not seen, and
// is no newer, is gone.
func (c *Collection) Complete(kind apiwire.Kind, resourceVersion string, seen map[Name]struct{}) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	version, era := number(resourceVersion), c.store.era.Load()
	for one, has := range c.objects {
		if _, ok := seen[one]; ok || has.era == era && has.version > version {
			continue
		}
		if err := c.remove(one, resourceVersion); err != nil {
			return err
		}
	}
	if c.complete && c.kind == kind {
		return c.tidy() // an older number for what is the same does no harm
	}
	where, err := c.write(record{
		Say: sayComplete, Key: &c.key, APIVersion: kind.APIVersion, Kind: kind.Kind, ResourceVersion: resourceVersion,
	})
	if err != nil {
		return err
	}
	c.file.forget(where)
	c.kind, c.complete, c.version = kind, true, max(c.version, version)
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
		c.store.tell(c.file.name, 1)
		return apiwire.Object{}, false
	}
	return r.object(), true
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
