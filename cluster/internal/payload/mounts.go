package payload

import (
	"os"
	"strconv"
	"strings"
)

// mount is a line of mountinfo (proc_pid_mountinfo(5)).
type mount struct {
	point  string
	fsType string
}

// mountOf finds the mount that holds an absolute path without links. ok is
// false where there is no /proc.
func mountOf(path string) (mount, bool) {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mount{}, false
	}
	return findMount(string(raw), path)
}

func findMount(table, path string) (mount, bool) {
	var best mount
	for line := range strings.Lines(table) {
		before, after, found := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 5 || len(rest) < 1 {
			continue
		}
		point := unescape(fields[4])
		// The last one of several on the same place is the one that is seen.
		if len(point) >= len(best.point) && isBelow(path, point) {
			best = mount{point: point, fsType: rest[0]}
		}
	}
	return best, best.point != ""
}

func isBelow(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// unescape turns \040 into a space, and likewise tab, newline and backslash.
func unescape(field string) string {
	var out strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if code, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(field[i])
	}
	return out.String()
}

func mountPoint(path string) string {
	if found, ok := mountOf(path); ok {
		return found.point
	}
	return path
}

func mountName(path string) string {
	if found, ok := mountOf(path); ok {
		return "the file system at " + found.point + " (" + found.fsType + ")"
	}
	return "the file system of " + path
}
