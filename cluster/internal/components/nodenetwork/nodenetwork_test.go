package nodenetwork

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// The test executable is also a process that gives up its capabilities.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "keep" {
		if err := keepCapabilities(unix.CAP_NET_ADMIN, unix.CAP_NET_RAW); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		// Every thread, and what it starts.
		threads, err := os.ReadDir("/proc/self/task")
		for _, thread := range threads {
			status, _ := os.ReadFile("/proc/self/task/" + thread.Name() + "/status")
			fmt.Print(string(status))
		}
		started, errStarted := exec.Command("cat", "/proc/self/status").Output()
		fmt.Print(string(started))
		if err = errors.Join(err, errStarted); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestCapabilitiesAreGivenUpForGood(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has capabilities to give up")
	}
	output, err := exec.Command("/proc/self/exe", "keep").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	const kept = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	threads := 0
	for line := range strings.Lines(string(output)) {
		set, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		var has uint64
		switch set {
		case "CapPrm", "CapEff", "CapBnd", "CapInh":
			if _, err := fmt.Sscanf(strings.TrimSpace(value), "%x", &has); err != nil || has&^kept != 0 {
				t.Errorf("%s (%v)", strings.TrimSpace(line), err)
			}
		case "NoNewPrivs":
			threads++
			if strings.TrimSpace(value) != "1" {
				t.Error(strings.TrimSpace(line))
			}
		}
	}
	if threads < 3 {
		t.Errorf("only %d threads and processes were seen", threads)
	}
}

func TestOptions(t *testing.T) {
	if got, err := parseOptions([]string{"--socket=/s"}, io.Discard); err != nil || got.socket != "/s" {
		t.Errorf("options = %+v, %v", got, err)
	}
	for complaint, args := range map[string][]string{
		"--socket is missing":        {},
		`takes flags only, got "/s"`: {"--socket=/s", "/s"},
		"unknown flag: --proxy-mode": {"--proxy-mode=nftables"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%q: %v; want %q", args, err, complaint)
		}
	}
	var help strings.Builder
	if _, err := parseOptions([]string{"--help"}, &help); !errors.Is(err, pflag.ErrHelp) || !strings.Contains(help.String(), "--socket") {
		t.Errorf("help = %q, %v", help.String(), err)
	}
}
