package heap

import (
	"runtime"
	"testing"
)

func TestAllocationsAreSampledOnRequest(t *testing.T) {
	rate := runtime.MemProfileRate
	t.Cleanup(func() { runtime.MemProfileRate = rate })
	for setting, want := range map[string]int{"": 0, "gctrace=1": 0, "gctrace=1,memprofilerate=4096": 4096} {
		t.Setenv("GODEBUG", setting)
		runtime.MemProfileRate = 4096
		Unsampled()
		if runtime.MemProfileRate != want {
			t.Errorf("with GODEBUG=%s one of %d bytes is sampled", setting, runtime.MemProfileRate)
		}
	}
}
