package apicache

import (
	"os"
	"path/filepath"
)

// load reads a file of a collection. What is damaged is told, and cleared away by
// writing the file anew.
func (s *Store) load(file string) error {
	content, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		return err
	}
	c := s.newCollection(Key{})
	c.file.name, c.file.size = file, int64(len(content))
	known := false
	lost := frames(content, func(at int, frame []byte) error {
		where := place{int64(at), len(frame)}
		r, err := s.sealer.open(file, frame)
		if err != nil {
			return err
		}
		if r.Key != nil {
			c.key, known = *r.Key, true
		}
		return c.replay(r, where)
	})
	if lost > 0 {
		s.tell(file, lost)
	}
	if !known || s.fileOf(c.key) != file {
		return os.Remove(filepath.Join(s.dir, file)) // nobody can tell what it is about
	}
	s.collections[c.key] = c
	if lost > 0 {
		return c.rewrite()
	}
	return nil
}

// replay takes a record of the file for what it says.
func (c *Collection) replay(r record, where place) error {
	version := number(r.ResourceVersion)
	object := r.object()
	switch r.Say {
	case sayPut:
		mark, err := c.store.marker.Mark(c.key.Format, object)
		if err != nil {
			return errDamaged
		}
		c.file.forget(c.objects[NameOf(object)].place)
		c.kind = object.Kind
		c.objects[NameOf(object)] = entry{where, version, mark, c.store.era.Load()}
	case sayDelete:
		c.file.forget(where)
		c.file.forget(c.objects[NameOf(object)].place)
		delete(c.objects, NameOf(object))
	case sayComplete:
		c.file.forget(where)
		c.kind, c.complete, c.version, c.noted = object.Kind, true, version, version // it may be a backup's: lower than before
	}
	c.version = max(c.version, version)
	return nil
}
