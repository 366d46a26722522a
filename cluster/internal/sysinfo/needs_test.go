package sysinfo

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contracts has samples that the builder judges, too.
const contracts = "../../../tests/contracts/kernel"

func readContract(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(contracts, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func TestKernelNeedsAreJudgedAsTheBuilderDoes(t *testing.T) {
	verdicts := map[string]bool{}
	readContract(t, "verdicts.json", &verdicts)
	if len(verdicts) < 20 {
		t.Fatalf("only %d samples", len(verdicts))
	}
	for name, good := range verdicts {
		raw, err := os.ReadFile(filepath.Join(contracts, "samples", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if needs, err := parseKernelNeeds(string(raw)); (err == nil) != good {
			t.Errorf("%s: %v, %v", name, needs, err)
		}
	}
}

func TestKernelsAreJudgedAsTheBuilderDoes(t *testing.T) {
	var table struct {
		Config string
		Cases  []struct {
			Name    string
			Need    kernelNeed
			Modules []string
			Present bool
		}
	}
	readContract(t, "kernels.json", &table)
	options, err := parseConfig(strings.NewReader(table.Config))
	if err != nil || len(table.Cases) < 10 {
		t.Fatal(err, len(table.Cases))
	}
	for _, one := range table.Cases {
		k := kernel{options: options, files: make(map[string]bool)}
		for _, module := range one.Modules {
			k.files[module] = true
		}
		if found, how := k.byConfig(one.Need); (found == present) != one.Present {
			t.Errorf("%s: %v, %s", one.Name, found, how)
		}
	}
}

func TestTheKernelNeedsOfKedge(t *testing.T) {
	needs, err := parseKernelNeeds(kernelNeedsFile)
	if err != nil || len(needs) < 40 {
		t.Fatal(len(needs), err)
	}
}
