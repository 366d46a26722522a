// Package wholefile replaces files whole. Whoever reads one, and a power cut at
// any moment, finds what it held before or what it holds now, and nothing between.
package wholefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// suffix ends the names of files that are being written: .NAME.NUMBER.new
const suffix = ".new"

// ErrUnsynced says that a file was replaced, and that a power cut may yet undo it.
var ErrUnsynced = errors.New("the disk may not have it yet")

// Write makes a file hold content, with this mode. When it returns, the disk has
// it; a file that holds it already is not written. One file has one writer at a
// time: of two, one fails.
func Write(path string, content []byte, mode os.FileMode) error {
	return WriteOwned(path, content, mode, nil)
}

// WriteOwned is Write of a file that own gives to its owner before anybody finds
// it; nil: it stays this process's.
func WriteOwned(path string, content []byte, mode os.FileMode, own func(path string) error) error {
	if isSame(path, content, mode) {
		if own == nil {
			return nil
		}
		return own(path)
	}
	return fill(path, mode, own, func(file io.Writer) error {
		_, err := file.Write(content)
		return err
	})
}

// Fill is Write of content that is made piece by piece.
func Fill(path string, mode os.FileMode, content func(io.Writer) error) error {
	return fill(path, mode, nil, content)
}

func fill(path string, mode os.FileMode, own func(string) error, content func(io.Writer) error) error {
	if err := replace(path, mode, own, content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, mode os.FileMode, own func(string) error, content func(io.Writer) error) error {
	directory, name := filepath.Dir(path), filepath.Base(path)
	if err := clean(directory, func(target string) bool { return target == name }); err != nil {
		return err
	}
	file, err := os.CreateTemp(directory, "."+name+".*"+suffix)
	if err != nil {
		return err
	}
	err = content(file)
	if err == nil {
		err = file.Chmod(mode)
	}
	if err == nil && own != nil {
		err = own(file.Name())
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // it may be the full disk that failed
		return err
	}
	if err := SyncDirectory(directory); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsynced, err)
	}
	return nil
}

// Clean removes what writers left whose power went, in a directory into which
// nobody writes now. Of files that are written again, it is removed by that.
func Clean(directory string) error {
	return clean(directory, func(string) bool { return true })
}

func clean(directory string, isWanted func(name string) bool) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	var problems []error
	for _, entry := range entries {
		if name, is := targetOf(entry.Name()); is && isWanted(name) {
			problems = append(problems, os.Remove(filepath.Join(directory, entry.Name())))
		}
	}
	return errors.Join(problems...)
}

// targetOf is the file for which a temporary one was written.
func targetOf(temporary string) (string, bool) {
	rest, hasSuffix := strings.CutSuffix(temporary, suffix)
	rest, isHidden := strings.CutPrefix(rest, ".")
	at := strings.LastIndexByte(rest, '.')
	if !hasSuffix || !isHidden || at < 1 || at == len(rest)-1 || strings.Trim(rest[at+1:], "0123456789") != "" {
		return "", false
	}
	return rest[:at], true
}

func isSame(path string, content []byte, mode os.FileMode) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != mode || info.Size() != int64(len(content)) {
		return false
	}
	found, err := os.ReadFile(path)
	return err == nil && bytes.Equal(found, content)
}

// SyncDirectory gives the disk which names a directory has.
func SyncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
