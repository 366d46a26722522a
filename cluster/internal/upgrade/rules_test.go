package upgrade

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const here = "linux/arm/v7"

func TestJudge(t *testing.T) {
	controller := Machine{Controls: true, Version: "v0.2.0", Kubernetes: "v1.37.2", Platform: here}
	worker := Machine{Version: "v0.2.0", Kubernetes: "v1.37.2", Platform: here, Server: "v1.37.2"}
	alone := worker
	alone.Server = ""
	ahead := worker
	ahead.Server = "v1.38.0"
	far := worker
	far.Server = "v1.41.0"
	unknown := worker
	unknown.Version = "dev"
	for name, test := range map[string]struct {
		candidate Candidate
		machine   Machine
		older     bool
		want      []string
	}{
		"the same Kubernetes":             {Candidate{"v0.3.0", "v1.37.2", here}, controller, false, nil},
		"the same version":                {Candidate{"v0.2.0", "v1.37.2", here}, controller, false, nil},
		"the next minor":                  {Candidate{"v0.3.0", "v1.38.0", here}, controller, false, nil},
		"a minor left out":                {Candidate{"v0.3.0", "v1.39.0", here}, controller, false, []string{"more than one minor version after"}},
		"an older Kubernetes":             {Candidate{"v0.3.0", "v1.36.9", here}, controller, true, []string{"cannot read what"}},
		"an older patch":                  {Candidate{"v0.3.0", "v1.37.1", here}, controller, false, nil},
		"an older kedge":                  {Candidate{"v0.1.9", "v1.37.2", here}, worker, false, []string{"version v0.1.9 is before v0.2.0"}},
		"an older kedge, allowed":         {Candidate{"v0.1.9", "v1.37.2", here}, worker, true, nil},
		"a candidate of a release":        {Candidate{"v0.2.0-rc1", "v1.37.2", here}, worker, false, []string{"before"}},
		"versions that are none":          {Candidate{"v0.3.0", "v1.37.2", here}, unknown, false, []string{"cannot be told"}},
		"another machine":                 {Candidate{"v0.3.0", "v1.37.2", "linux/arm64"}, worker, false, []string{"made for linux/arm64"}},
		"before its controller":           {Candidate{"v0.3.0", "v1.38.0", here}, worker, false, []string{"upgrade the controller first"}},
		"after its controller":            {Candidate{"v0.3.0", "v1.38.0", here}, ahead, false, nil},
		"far behind its controller":       {Candidate{"v0.3.0", "v1.37.9", here}, far, false, []string{"more than 3 minor versions behind"}},
		"alone, the same Kubernetes":      {Candidate{"v0.3.0", "v1.37.9", here}, alone, false, nil},
		"alone, the next minor":           {Candidate{"v0.3.0", "v1.38.0", here}, alone, false, []string{"does not answer"}},
		"everything that is wrong at all": {Candidate{"v0.1.0", "", "windows/amd64"}, controller, false, []string{"windows", "before", "which Kubernetes"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := Judge(test.candidate, test.machine, test.older)
			var refused Refused
			if errors.As(err, &refused); len(refused) != len(test.want) {
				t.Fatalf("refused with %q, want %q", refused, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(refused[i], want) {
					t.Errorf("%q does not tell %q", refused[i], want)
				}
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "kedge")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "kedge")
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	const machineAt, riscv = 18, 243 // e_machine of elf(5), EM_RISCV
	content[machineAt] = riscv
	if err := os.WriteFile(foreign, content, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{script: "is no executable", foreign: "made for RISCV, 64 bits", "/bin/false": "does not even tell its version"} {
		if _, err := Describe(t.Context(), path, self); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
	if _, err := Describe(t.Context(), "/bin/echo", self); err == nil || !strings.Contains(err.Error(), "not kedge's") {
		t.Errorf("echo is kedge: %v", err)
	}
}
