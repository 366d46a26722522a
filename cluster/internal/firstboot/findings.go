package firstboot

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Findings are what people should know, by who can mend it.
type Findings struct {
	// Problems are mistakes on the card: whoever has it can correct them.
	Problems []string
	// Failures are the device's own: what the card says may be right.
	Failures []string
	// Notes did not stop the device.
	Notes []string
}

// blame files err under who can mend it; errors that were joined are told one by one.
func (f *Findings) blame(what string, err error) {
	if joined, are := err.(interface{ Unwrap() []error }); are {
		for _, one := range joined.Unwrap() {
			f.blame(what, one)
		}
		return
	}
	isDevices := func(number unix.Errno) bool { return errors.Is(err, number) }
	if slices.ContainsFunc([]unix.Errno{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS, unix.EUCLEAN, unix.ENXIO}, isDevices) {
		f.Failures = append(f.Failures, what+": "+inOneLine(err))
		return
	}
	f.Problems = append(f.Problems, what+": "+inOneLine(err))
}

// Fail is a failure of the device, whatever its reason.
func (f *Findings) Fail(err error) { f.Failures = append(f.Failures, inOneLine(err)) }

func (f *Findings) note(err error) {
	if err != nil {
		f.Notes = append(f.Notes, inOneLine(err))
	}
}

func inOneLine(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		text += ": remove what fills it"
	}
	return text
}
