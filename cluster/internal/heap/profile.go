package heap

import (
	"os"
	"runtime"
	"strings"
)

// wanted is how somebody asks Go's runtime for samples (GODEBUG=memprofilerate=N).
const wanted = "memprofilerate="

// Unsampled ends the sampling of allocations for profiles that nobody fetches. Each
// place that ever allocated takes memory for good: an idle API server finds new ones
// for hours.
func Unsampled() {
	if !strings.Contains(os.Getenv("GODEBUG"), wanted) {
		runtime.MemProfileRate = 0
	}
}
