package firstboot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kedge/internal/wholefile"
)

// Card is the boot partition, which every computer can read.
type Card struct {
	// Unreadable is why nothing else is known of it.
	Unreadable error
	// Dir is where it is mounted, read-only.
	Dir string
	// Writable has it mounted so that change can write, and written out afterwards.
	Writable func(change func() error) error
}

// StatusFile tells people on the card how it went.
const StatusFile = "status.txt"

// maxFile is more than any file of a node's has.
const maxFile = 4 << 20

// sectorBytes is what a card writes at once.
const sectorBytes = 512

// read is nil where the card has no such file. It finds files whatever the case
// of their names: FAT does not know it.
func (c Card) read(name string) ([]byte, error) {
	path, err := c.find(name)
	if path == "" || err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	err = errors.Join(err, file.Close())
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	return content, err
}

func (c Card) find(name string) (string, error) {
	if c.Unreadable != nil {
		return "", c.Unreadable
	}
	entries, err := os.ReadDir(c.Dir)
	for _, entry := range entries {
		if entry.Type().IsRegular() && strings.EqualFold(entry.Name(), name) {
			return filepath.Join(c.Dir, entry.Name()), nil
		}
	}
	return "", err
}

// wipe overwrites a file, then removes it. On flash the old content may stay
// where nobody is told of; what is left is worthless once it has been used.
func (c Card) wipe(name string) error {
	path, err := c.find(name)
	if path == "" || err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		_, err = file.Write(make([]byte, info.Size()))
	}
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return wholefile.SyncDirectory(c.Dir)
}

// leftOf says that found is kept, or what is left of it where a power cut
// interrupted wipe: no other file looks like that.
func leftOf(found, kept []byte) bool {
	if kept == nil || len(found) != len(kept) {
		return len(found) == 0 && kept != nil
	}
	for at := 0; at < len(found); at += sectorBytes {
		end := min(at+sectorBytes, len(found))
		part := string(found[at:end])
		if part != string(kept[at:end]) && strings.Trim(part, "\x00") != "" {
			return false
		}
	}
	return true
}

// tell writes the status where it says something new.
func (c Card) tell(text string) error {
	if c.Unreadable != nil {
		return c.Unreadable
	}
	found, err := c.read(StatusFile)
	if err == nil && string(found) == text {
		return nil
	}
	return c.Writable(func() error {
		return writeOnCard(filepath.Join(c.Dir, StatusFile), []byte(text))
	})
}

// writeOnCard is write without modes, which FAT has none of.
func writeOnCard(name string, content []byte) error {
	file, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // a full card has no room for halves
	}
	return err
}
