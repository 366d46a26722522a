package support

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// Part is a file of the archive. A part that cannot be had says why instead.
type Part struct {
	Name string
	Make func(io.Writer) error
}

// Write makes the archive. What fails is told in the archive: it is for
// machines on which something is wrong.
func Write(out io.Writer, parts []Part, now time.Time) error {
	compressed := gzip.NewWriter(out)
	archive := tar.NewWriter(compressed)
	for _, part := range parts {
		var content strings.Builder
		if err := part.Make(&content); err != nil {
			fmt.Fprintf(&content, "this is not all: %v\n", err)
		}
		scrubbed := Scrub([]byte(content.String()))
		header := &tar.Header{Name: "kedge-support/" + part.Name, Mode: 0o600, Size: int64(len(scrubbed)), ModTime: now}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("write %s: %w", part.Name, err)
		}
		if _, err := archive.Write(scrubbed); err != nil {
			return fmt.Errorf("write %s: %w", part.Name, err)
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

// List tells the names, modes, sizes and times of the files below a directory,
// and nothing of what is in them.
func List(dir string) func(io.Writer) error {
	return func(out io.Writer) error {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		var problems []error
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				problems = append(problems, err)
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				problems = append(problems, err)
				return nil
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339), path)
			return nil
		})
		return errors.Join(append(problems, err, table.Flush())...)
	}
}
