package heap

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
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
