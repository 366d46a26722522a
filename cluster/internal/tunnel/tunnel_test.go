package tunnel

import "testing"

func TestNamesOfControllers(t *testing.T) {
	for name, want := range map[string]bool{
		Metrics: true, "METRICS.Kedge.Internal": true, "anything.kedge.internal": true,
		"edge-1": false, "kedge.internal": false, "edge-1.kedge.internal.example": false, "": false,
	} {
		if got := IsControllers(name); got != want {
			t.Errorf("IsControllers(%q) = %v", name, got)
		}
	}
}
