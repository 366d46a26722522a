package payload

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// flushStep is how many bytes of a file gather before the disk begins with
// them: it is busy from the start, and little is left to wait for at the end.
const flushStep = 1 << 20

// disk writes one content to all files that have it.
type disk struct {
	handles []*os.File
	written int64
	begun   int64 // of what was written, that the disk was told to begin with
	files   []File
	// flushing waits for the disk while the cores go on with other files.
	flushing *errgroup.Group
}

func createIn(root *os.Root, flushing *errgroup.Group) openSink {
	return func(files []File) (sink, error) {
		d := &disk{files: files, flushing: flushing}
		for _, file := range files {
			handle, err := root.OpenFile(file.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return nil, errors.Join(unusable(root.Name(), err), d.close())
			}
			d.handles = append(d.handles, handle)
		}
		return d, nil
	}
}

func (d *disk) Write(data []byte) (int, error) {
	for _, handle := range d.handles {
		if n, err := handle.Write(data); err != nil {
			return n, err
		}
	}
	d.written += int64(len(data))
	if d.written-d.begun >= flushStep {
		for _, handle := range d.handles {
			// A file system need not know this call, and done sees what went wrong.
			_ = unix.SyncFileRange(int(handle.Fd()), d.begun, d.written-d.begun, unix.SYNC_FILE_RANGE_WRITE)
		}
		d.begun = d.written
	}
	return len(data), nil
}

// done gives the files their modes and begins to flush them.
func (d *disk) done() error {
	for n, handle := range d.handles {
		if err := handle.Chmod(d.files[n].Mode); err != nil {
			return err
		}
	}
	handles := d.handles
	d.handles = nil
	for _, handle := range handles {
		d.flushing.Go(func() error { return errors.Join(handle.Sync(), handle.Close()) })
	}
	return nil
}

func (d *disk) close() error {
	var errs []error
	for _, handle := range d.handles {
		errs = append(errs, handle.Close())
	}
	return errors.Join(errs...)
}

// extract writes everything into an empty directory and onto the disk.
func (p *Payload) extract(ctx context.Context, root *os.Root) error {
	directories := p.index.Directories()
	for _, name := range directories {
		if err := root.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	var flushing errgroup.Group
	err := p.decode(ctx, createIn(root, &flushing))
	if err := errors.Join(err, flushing.Wait()); err != nil {
		return err
	}
	for _, file := range p.index.Files {
		if !file.IsLink() {
			continue
		}
		if err := root.Symlink(file.Link, file.Path); err != nil {
			return err
		}
	}
	for _, name := range append(directories, ".") {
		if err := finishDirectory(root, name); err != nil {
			return err
		}
	}
	return nil
}

func finishDirectory(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Chmod(directoryMode), dir.Sync(), dir.Close())
}
