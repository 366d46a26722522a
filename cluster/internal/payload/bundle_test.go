package payload

import (
	"io"
	"strings"
	"testing"
)

func TestABundleIsReadWhereItLies(t *testing.T) {
	for _, name := range []string{"good-with-bundle", "good-armv7-with-bundle"} {
		p := open(t, sample(name))
		content, ok := p.Bundle()
		if !ok {
			t.Fatalf("%s: there is no bundle", name)
		}
		if got, err := io.ReadAll(content); err != nil || string(got) != strings.Repeat("index.json", 100) {
			t.Errorf("%s: the bundle is %q, %v", name, got, err)
		}
	}
	if _, ok := open(t, sample("good-amd64")).Bundle(); ok {
		t.Error("there is a bundle in good-amd64")
	}
}

func TestHelpersDoNotChangeWithABundle(t *testing.T) {
	with, without := open(t, sample("good-with-bundle")), open(t, sample("good-amd64"))
	if with.ID() != without.ID() {
		t.Errorf("the helpers are %s with a bundle, %s without", with.ID(), without.ID())
	}
}
