package heap

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	garbage = 64 << 20
	every   = 10 * time.Millisecond
)

// released is what the heap has given back to the kernel, in bytes.
func released() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// litter leaves garbage in the heap that is not given back yet.
func litter() {
	made := make([]byte, garbage)
	for i := range made {
		made[i] = 1
	}
	runtime.KeepAlive(made)
}

func TestAnIdleProcessGivesMemoryBack(t *testing.T) {
	litter()
	before := released()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gave := make(chan struct{})
	var first sync.Once
	go trimWhileIdle(ctx, every, func() time.Duration { return 0 }, func() {
		debug.FreeOSMemory()
		first.Do(func() { close(gave) })
	})
	if <-gave; released() < before+garbage/2 {
		t.Error("an idle process kept its garbage")
	}
}

// How much of a core a test really gets depends on what else the machine does.
func TestABusyProcessIsLeftAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks, used := 0, time.Duration(0)
	trimWhileIdle(ctx, every, func() time.Duration {
		if looks++; looks > 4 {
			cancel()
		}
		used += time.Duration(2 * idle * float64(every))
		return used
	}, func() { t.Error("a busy process was stopped for its garbage") })
}

func TestWhatAProcessUsesIsKnown(t *testing.T) {
	before := processorTime()
	for giveUp := time.Now().Add(time.Minute); processorTime() <= before; {
		if time.Now().After(giveUp) {
			t.Fatal("computing takes no time")
		}
	}
}

// percent is after which growth garbage is collected now.
func percent() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

// trimmed looks some times at a process that uses that share of a core, and tells the
// percentage before each look and after the last.
func trimmed(t *testing.T, told, looks int, share float64) []int {
	t.Helper()
	before := debug.SetGCPercent(told)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []int
	used, asked := time.Duration(0), 0
	trimWhileIdle(ctx, every, func() time.Duration {
		// It is asked before the first look, and twice at each: before and after giving back.
		if asked++; asked%2 == 1 {
			if seen = append(seen, percent()); len(seen) > looks {
				cancel()
			}
			return used
		}
		used += time.Duration(share * float64(every))
		return used
	}, func() {})
	return seen
}

func TestAProcessThatBeginsCollectsLessOften(t *testing.T) {
	const limit = 1 << 40
	for name, one := range map[string]struct {
		limit int64
		told  int
		share float64
		want  []int
	}{
		"until it is idle":                {limit, 30, 0, []int{100, 30, 30}},
		"and not for ever":                {limit, 30, 2 * idle, []int{100, 100, 100, 100, 100, 30}},
		"unless nothing bounds it":        {math.MaxInt64, 30, 2 * idle, []int{30, 30}},
		"unless it was told less already": {limit, 200, 0, []int{200, 200}},
		"unless it never collects":        {limit, -1, 2 * idle, []int{-1, -1}},
	} {
		t.Run(name, func(t *testing.T) {
			before := debug.SetMemoryLimit(one.limit)
			t.Cleanup(func() { debug.SetMemoryLimit(before) })
			if got := trimmed(t, one.told, len(one.want)-1, one.share); !slices.Equal(got, one.want) {
				t.Errorf("percentages %v, want %v", got, one.want)
			}
		})
	}
}
