// Package heap keeps processes small that have little to do.
package heap

import (
	"context"
	"math"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

const (
	// Every is the time between two looks: Go collects garbage that often in an
	// idle process (runtime.forcegcperiod), but keeps what it found for itself.
	Every = 2 * time.Minute
	// idle is the share of a core below which memory counts more than time.
	idle = 0.2
	// relaxed is the growth in percent after which a process that begins collects.
	relaxed = 100
	// beginning is how many looks a busy process counts as one that begins.
	beginning = 5
)

// TrimWhileIdle gives what the process does not need back to the kernel, every
// so often and as long as it is idle, until ctx ends. Until it is idle for the first
// time, one with a limit collects garbage less often than it was told to: who begins
// makes in minutes what it needs for months, and hardly anything of it is garbage.
func TrimWhileIdle(ctx context.Context, every time.Duration) {
	trimWhileIdle(ctx, every, processorTime, debug.FreeOSMemory)
}

// trimWhileIdle is told what the process has used so far, and how to give back.
func trimWhileIdle(ctx context.Context, every time.Duration, usedSoFar func() time.Duration, giveBack func()) {
	settle := relax()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	used := usedSoFar()
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := usedSoFar()
		isIdle := float64(now-used) < idle*float64(every)
		if isIdle || look == beginning {
			settle()
		}
		if isIdle {
			giveBack()
		}
		used = usedSoFar()
	}
}

// relax lets a heap that has a limit (GOMEMLIMIT) grow to twice what is in use before
// it is collected, where it was to be collected sooner. What it returns takes that
// back, once.
func relax() func() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		return func() {}
	}
	told := debug.SetGCPercent(relaxed)
	if told < 0 || told >= relaxed {
		debug.SetGCPercent(told)
		return func() {}
	}
	return sync.OnceFunc(func() { debug.SetGCPercent(told) })
}

// processorTime is what all threads of the process have used together.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // then every process looks idle
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
