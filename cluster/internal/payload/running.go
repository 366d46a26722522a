package payload

import (
	"fmt"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/unix"
)

// selfLink is the running executable itself, even when its path names another
// file by now, as in the middle of an update.
const selfLink = "/proc/self/exe"

// execName is AT_EXECFN of include/uapi/linux/auxvec.h.
const execName = 31

// OpenRunning opens the payload of the executable that is running. It works
// without /proc too, as in an empty root directory.
func OpenRunning(options ...Option) (*Payload, error) {
	name, err := os.Executable()
	if err == nil {
		if file, err := os.Open(selfLink); err == nil {
			return fromFile(file, name, options)
		}
	}
	name, err = startedAs()
	if err != nil {
		return nil, err
	}
	return Open(name, options...)
}

// startedAs is the path by which the kernel was told to start this process, or
// else the one that the first argument names.
func startedAs() (string, error) {
	if vector, err := unix.Auxv(); err == nil {
		for _, entry := range vector {
			if entry[0] == execName {
				return textAt(entry[1]), nil
			}
		}
	}
	name, err := exec.LookPath(os.Args[0])
	if err != nil {
		return "", fmt.Errorf("find the running executable without /proc: %w\nstart kedge by its full path", err)
	}
	return name, nil
}

// textAt reads a C string that the kernel placed above the stack.
func textAt(address uintptr) string {
	return unix.BytePtrToString(*(**byte)(unsafe.Pointer(&address)))
}
