package firstboot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// identityOffset is where a boot sector has its disk's identity: four bytes,
// the lowest first (UEFI 2.10, section 5.2.1).
const identityOffset = 440

const cardFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME

// MountCard mounts the first partition of the disk that the kernel's command
// line names, read-only, until unmount is called. A system that no slot was
// started from has none. One that cannot be mounted says why when it is read.
func (d Device) MountCard() (card *Card, unmount func() error) {
	card, unmount, err := d.mountCard()
	if err != nil {
		return &Card{Unreadable: err}, unmount
	}
	return card, unmount
}

func nothing() error { return nil }

func (d Device) mountCard() (card *Card, unmount func() error, err error) {
	disk, err := d.diskOfSlot()
	if disk == "" || err != nil {
		return nil, nothing, err
	}
	partition, err := d.firstPartition(disk)
	if err != nil {
		return nil, nothing, err
	}
	directory := d.path("run/device/card")
	if err := os.MkdirAll(directory, privateDir); err != nil {
		return nil, nothing, err
	}
	mount := func(more uintptr) error {
		return unix.Mount(partition, directory, "vfat", cardFlags|more, "umask=0077")
	}
	// Another mount of the same partition would decide for both whether it can be written.
	if err = mount(unix.MS_RDONLY); errors.Is(err, unix.EBUSY) {
		err = mount(0)
	}
	if err != nil {
		return nil, nothing, fmt.Errorf("mount %s: %w", partition, err)
	}
	unmount = func() error { return unix.Unmount(directory, 0) }
	card = &Card{Dir: directory, Writable: func(change func() error) error {
		return remounted(mount, unmount, func() error { return errors.Join(change(), syncFileSystem(directory)) })
	}}
	return card, unmount, nil
}

// remounted has what is mounted writable while change runs, and read-only
// afterwards, whatever came of it: a card may be locked against writing.
func remounted(mount func(flags uintptr) error, unmount func() error, change func() error) error {
	if err := unmount(); err != nil {
		return err
	}
	err := mount(0)
	if err == nil {
		err = errors.Join(change(), unmount())
	}
	return errors.Join(err, mount(unix.MS_RDONLY))
}

func syncFileSystem(name string) error {
	directory, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(directory.Fd())), directory.Close())
}

// diskOfSlot is the name of the disk that the slot lies on.
func (d Device) diskOfSlot() (string, error) {
	line, err := os.ReadFile(d.path("proc/cmdline"))
	if err != nil {
		return "", err
	}
	identity := ""
	for word := range strings.FieldsSeq(string(line)) {
		if value, found := strings.CutPrefix(word, "device.disk="); found {
			identity = value
		}
	}
	if identity == "" {
		return "", nil
	}
	disks, err := filepath.Glob(d.path("sys/block/*"))
	for _, disk := range disks {
		if name := filepath.Base(disk); d.identity(name) == identity {
			return name, nil
		}
	}
	return "", errors.Join(err, fmt.Errorf("there is no disk %s", identity))
}

// identity is empty for what cannot be read, such as a drive without a medium.
func (d Device) identity(disk string) string {
	device, err := os.Open(d.path("dev/" + disk))
	if err != nil {
		return ""
	}
	defer device.Close()
	var found [4]byte
	if _, err := device.ReadAt(found[:], identityOffset); err != nil {
		return ""
	}
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(found[:]))
}

func (d Device) firstPartition(disk string) (string, error) {
	numbers, err := filepath.Glob(d.path("sys/block/" + disk + "/*/partition"))
	for _, file := range numbers {
		if number, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(number)) == "1" {
			return d.path("dev/" + filepath.Base(filepath.Dir(file))), nil
		}
	}
	return "", errors.Join(err, fmt.Errorf("the disk %s has no first partition", disk))
}
