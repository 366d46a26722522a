// Package heap keeps processes small that have little to do.
package heap

import (
	"context"
	"runtime/debug"
	"syscall"
	"time"
)

const (
	// Every is the time between two looks: Go collects garbage that often in an
	// idle process (runtime.forcegcperiod), but keeps what it found for itself.
	Every = 2 * time.Minute
	// idle is the share of a core below which memory counts more than time.
	idle = 0.2
)

// TrimWhileIdle gives what the process does not need back to the kernel, every
// so often and as long as it is idle, until ctx ends.
func TrimWhileIdle(ctx context.Context, every time.Duration) {
	trimWhileIdle(ctx, every, processorTime, debug.FreeOSMemory)
}

// trimWhileIdle is told what the process has used so far, and how to give back.
func trimWhileIdle(ctx context.Context, every time.Duration, usedSoFar func() time.Duration, giveBack func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	used := usedSoFar()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := usedSoFar()
		if float64(now-used) < idle*float64(every) {
			giveBack()
		}
		used = usedSoFar()
	}
}

// processorTime is what all threads of the process have used together.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // then every process looks idle
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
