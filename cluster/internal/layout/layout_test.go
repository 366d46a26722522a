package layout

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		layout Layout
		want   string // of the error
	}{
		"defaults":  {Layout{DataDir: DefaultDataDir, RunDir: DefaultRunDir}, ""},
		"relative":  {Layout{DataDir: "data", RunDir: DefaultRunDir}, `directory "data" is not an absolute path`},
		"too long":  {Layout{DataDir: DefaultDataDir, RunDir: "/" + strings.Repeat("d", 90)}, "choose a shorter one with --run-dir"},
		"just fits": {Layout{DataDir: DefaultDataDir, RunDir: "/" + strings.Repeat("d", 107-len("/konnectivity/server.sock")-1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.layout.Check()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
		})
	}
}

func TestCheckWorker(t *testing.T) {
	fits := Layout{DataDir: DefaultDataDir, RunDir: "/" + strings.Repeat("d", 107-len("/s/")-64-1)}
	if err := fits.CheckWorker(); err != nil {
		t.Errorf("error = %v; want none", err)
	}
	fits.RunDir += "d"
	if err := fits.CheckWorker(); err == nil || !strings.Contains(err.Error(), "choose a shorter one with --run-dir") {
		t.Errorf("error = %v; want one about the run directory", err)
	}
}
