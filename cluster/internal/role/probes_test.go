package role

import (
	"strings"
	"testing"
)

func TestBriefLeavesWhatIsWrong(t *testing.T) {
	body := "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n[-]poststarthook/x failed\nreadyz check failed"
	if got, want := brief(body), "[-]etcd failed: reason withheld; [-]poststarthook/x failed"; got != want {
		t.Errorf("brief = %q; want %q", got, want)
	}
	if got := brief(strings.Repeat("x", 1000)); len(got) != 200 {
		t.Errorf("brief has %d characters", len(got))
	}
}
