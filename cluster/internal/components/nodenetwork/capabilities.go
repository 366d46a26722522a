package nodenetwork

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bitsPerWord is how the kernel divides a set of capabilities (capabilities(7)).
const bitsPerWord = 32

// keepCapabilities gives up all other capabilities for good, in every thread and
// for every program that is started from now on. Those that this process does
// not have it does not get.
func keepCapabilities(kept ...uint) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var own [2]unix.CapUserData
	if err := unix.Capget(&header, &own[0]); err != nil {
		return fmt.Errorf("read this process's capabilities: %w", err)
	}
	var mask [2]uint32
	for _, each := range kept {
		mask[each/bitsPerWord] |= 1 << (each % bitsPerWord)
	}
	for each := uint(0); each <= unix.CAP_LAST_CAP; each++ {
		if mask[each/bitsPerWord]&(1<<(each%bitsPerWord)) != 0 {
			continue
		}
		// EINVAL: a kernel that knows fewer. EPERM: one that is confined already
		// may not touch the bound, but no_new_privs below keeps it.
		err := everywhere(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(each), 0)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("give up capability %d: %w", each, err)
		}
	}
	if err := everywhere(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("refuse new privileges: %w", err)
	}
	for word := range own {
		own[word].Effective &= mask[word]
		own[word].Permitted &= mask[word]
		own[word].Inheritable = 0
	}
	err := everywhere(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&own[0])), 0)
	runtime.KeepAlive(&header)
	runtime.KeepAlive(&own)
	if err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

// everywhere makes a system call in every thread of the process: the kernel keeps
// capabilities for each.
func everywhere(call, a, b, c uintptr) error {
	// The last two are prctl's fourth and fifth, which must be 0.
	if _, _, errno := syscall.AllThreadsSyscall6(call, a, b, c, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
