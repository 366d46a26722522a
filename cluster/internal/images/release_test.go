package images

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// contracts is the directory of samples that the builder's reader is judged by too.
const contracts = "../../../tests/contracts/images"

func TestSamples(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(contracts, "verdicts.json"))
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]bool{}
	if err := json.Unmarshal(raw, &verdicts); err != nil {
		t.Fatal(err)
	}
	if len(verdicts) < 20 {
		t.Fatalf("only %d samples", len(verdicts))
	}
	for name, good := range verdicts {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(contracts, "samples", name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse(content); (err == nil) != good {
				t.Errorf("good should be %t: %v", good, err)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(contracts, "samples", "good-two"))
	if err != nil {
		t.Fatal(err)
	}
	release, err := Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	pause, ok := release.Image("pause")
	if !ok || pause.Reference != "kedge.local/pause:1.0.0" {
		t.Errorf("pause is %+v, %t", pause, ok)
	}
	if digests := release.Digests(); len(digests) != 2 || digests[pause.Reference] != pause.Digest {
		t.Errorf("the digests are %v", digests)
	}
	if _, ok := release.Image("paus"); ok {
		t.Error("an image that is not there was found")
	}
}
