package heap_test

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"kedge/internal/heap"
)

const (
	garbage = 64 << 20
	// every is short for a test, and long for a loop of computing.
	every = 100 * time.Millisecond
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

func trimmed(t *testing.T, during func()) bool {
	t.Helper()
	litter()
	before := released()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		heap.TrimWhileIdle(ctx, every)
	}()
	during()
	cancel()
	<-ended
	return released() > before+garbage/2
}

func TestAnIdleProcessGivesMemoryBack(t *testing.T) {
	if !trimmed(t, func() { time.Sleep(5 * every) }) {
		t.Error("an idle process kept its garbage")
	}
}

func TestABusyProcessIsLeftAlone(t *testing.T) {
	compute := func() {
		var all sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			all.Go(func() {
				for end := time.Now().Add(5 * every); time.Now().Before(end); {
				}
			})
		}
		all.Wait()
	}
	if trimmed(t, compute) {
		t.Error("a busy process was stopped for its garbage")
	}
}
