package apicache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"kedge/internal/wholefile"
)

// roomy is how much of a file may be of no use any more, whatever its size.
const roomy = 64 << 10

// log is a file to whose end records are added.
type log struct {
	store *Store
	// name tells nobody what is within.
	name string
	size int64
	// idle is how much of it is of no use any more.
	idle int64
}

// place is where a record is.
type place struct {
	at   int64
	size int
}

func (l *log) path() string { return filepath.Join(l.store.dir, l.name) }

// add writes a record. What of it reached the file when that fails is cut off.
func (l *log) add(r record) (place, error) {
	frame, err := l.store.sealer.seal(l.name, r)
	if err != nil {
		return place{}, err
	}
	flags := os.O_CREATE | os.O_WRONLY
	if l.size == 0 {
		flags |= os.O_TRUNC // what is there could not be read
	}
	file, err := os.OpenFile(l.path(), flags, 0o600)
	if err != nil {
		return place{}, err
	}
	_, err = file.WriteAt(frame, l.size)
	if err != nil {
		err = errors.Join(err, file.Truncate(l.size))
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return place{}, err
	}
	where := place{l.size, len(frame)}
	l.size += int64(len(frame))
	l.store.unsynced(l.name)
	return where, nil
}

func (l *log) forget(where place) { l.idle += int64(where.size) }

// read reads one record.
func (l *log) read(where place) (record, error) {
	frame, err := l.frame(where)
	if err != nil {
		return record{}, err
	}
	return l.store.sealer.open(l.name, frame)
}

func (l *log) frame(where place) ([]byte, error) {
	file, err := os.Open(l.path())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	frame := make([]byte, where.size)
	_, err = file.ReadAt(frame, where.at)
	return frame, err
}

// isWasteful says that the file is better written anew.
func (l *log) isWasteful() bool { return l.idle > roomy && l.idle > l.size/2 }

// tidy writes the file anew when most of it is of no use.
func (c *Collection) tidy() error {
	if !c.file.isWasteful() {
		return nil
	}
	return c.store.failed(c.rewrite())
}

// rewrite writes the collection's file anew, whole or not at all.
func (c *Collection) rewrite() error {
	var objects map[Name]entry
	var size int64
	err := wholefile.Fill(c.file.path(), 0o600, func(file io.Writer) (err error) {
		objects, size, err = c.copyTo(file)
		return err
	})
	if err != nil {
		err = fmt.Errorf("write what was seen anew: %w", err)
	}
	if err == nil || errors.Is(err, wholefile.ErrUnsynced) {
		c.objects, c.file.size, c.file.idle, c.noted = objects, size, 0, c.version
	}
	return err
}

// copyTo writes what is of use: the key, the objects' frames as they are, and
// whether that is all.
func (c *Collection) copyTo(out io.Writer) (map[Name]entry, int64, error) {
	size := int64(0)
	put := func(frame []byte, err error) error {
		if err == nil {
			_, err = out.Write(frame)
		}
		size += int64(len(frame))
		return err
	}
	if err := put(c.store.sealer.seal(c.file.name, record{Say: sayKey, Key: &c.key})); err != nil {
		return nil, 0, err
	}
	objects := make(map[Name]entry, len(c.objects))
	for one, has := range c.objects {
		at := size
		frame, err := c.file.frame(has.place)
		if err != nil { // what cannot be read must not keep the rest from being written
			c.store.tell(c.file.name, 1)
			continue
		}
		if err := put(frame, nil); err != nil {
			return nil, 0, err
		}
		has.at = at
		objects[one] = has
	}
	if !c.complete {
		return objects, size, nil
	}
	return objects, size, put(c.store.sealer.seal(c.file.name, c.completion()))
}

func (c *Collection) completion() record {
	return record{
		Say: sayComplete, Key: &c.key, APIVersion: c.kind.APIVersion, Kind: c.kind.Kind, ResourceVersion: strconv.FormatUint(c.version, 10),
	}
}
