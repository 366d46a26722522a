package role

import (
	"bufio"
	"errors"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// Mebibyte is the unit in which memory is given out.
const Mebibyte = 1 << 20

// MachineMemory is what the kernel has to give away; 0 when that cannot be seen.
func MachineMemory() uint64 {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer file.Close()
	bytes, err := parseMemory(bufio.NewScanner(file))
	if err != nil {
		return 0
	}
	return bytes
}

func parseMemory(lines *bufio.Scanner) (uint64, error) {
	const kibibyte = 1 << 10
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			number, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return number * kibibyte, err
		}
	}
	return 0, errors.Join(errors.New("there is no MemTotal"), lines.Err())
}

// ownGarbage is how much kedge's own process lets its heap grow until it cleans
// up, in percent: it has little to do, and most of what it has in use is what
// packages made when they initialised.
const ownGarbage = 25

// Settle gives back to the kernel what a piece of work took and left behind. Go
// does so itself, but in minutes, and an idle process never needs it again.
func Settle() {
	if os.Getenv("GOGC") == "" { // else the user has a view of it
		debug.SetGCPercent(ownGarbage)
	}
	debug.FreeOSMemory()
}
