package osupdate

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// device is a partition, or a file in its place.
type device struct{ *os.File }

// openDevice fails where the partition is mounted.
func openDevice(path string) (Partition, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_EXCL, 0)
	if err != nil {
		return nil, fmt.Errorf("open the slot that is not in use: %w", err)
	}
	return device{file}, nil
}

func (d device) Size() (int64, error) { return d.Seek(0, io.SeekEnd) }

func (d device) Forget() error { return unix.Fadvise(int(d.Fd()), 0, 0, unix.FADV_DONTNEED) }
