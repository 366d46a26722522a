package payload

import (
	"crypto/sha256"
	"fmt"
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
		got, err := io.ReadAll(content)
		if err != nil || string(got) != strings.Repeat("index.json", 100) {
			t.Errorf("%s: the bundle is %q, %v", name, got, err)
		}
		if want := fmt.Sprintf("%x", sha256.Sum256(got)); p.BundleDigest() != want {
			t.Errorf("%s: the bundle's digest is %s, not %s", name, p.BundleDigest(), want)
		}
	}
	without := open(t, sample("good-amd64"))
	if _, ok := without.Bundle(); ok || without.BundleDigest() != "" {
		t.Error("there is a bundle in good-amd64")
	}
}

func TestHelpersDoNotChangeWithABundle(t *testing.T) {
	with, without := open(t, sample("good-with-bundle")), open(t, sample("good-amd64"))
	if with.ID() != without.ID() {
		t.Errorf("the helpers are %s with a bundle, %s without", with.ID(), without.ID())
	}
}
