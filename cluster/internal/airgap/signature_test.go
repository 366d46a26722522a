package airgap

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

func TestOnlySignedBundlesPass(t *testing.T) {
	key, other := newKey(t), newKey(t)
	for name, test := range map[string]struct {
		signature func(content string) []byte // nil: there is none
		want      string                      // empty: it passes
	}{
		"signed":             {signature: func(content string) []byte { return sign(key, content) }},
		"unsigned":           {want: "no such file"},
		"another key":        {signature: func(content string) []byte { return sign(other, content) }, want: "it is of the key"},
		"another content":    {signature: func(content string) []byte { return sign(key, content+"more") }, want: "not what was signed"},
		"a part of it":       {signature: func(content string) []byte { return sign(key, content[:4]) }, want: "not what was signed"},
		"the old kind":       {signature: func(content string) []byte { return minisign.Sign(key, []byte(content)) }, want: "of an old kind"},
		"no signature":       {signature: func(string) []byte { return []byte("signature") }, want: "invalid signature"},
		"an altered comment": {signature: func(content string) []byte { return altered(sign(key, content)) }, want: "not what was signed"},
	} {
		t.Run(name, func(t *testing.T) {
			const content = "a bundle in two parts"
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a.tar.00"), []byte(content[:10]))
			write(t, filepath.Join(dir, "a.tar.01"), []byte(content[10:]))
			if test.signature != nil {
				write(t, filepath.Join(dir, "a.tar.minisig"), test.signature(content))
			}
			err := requireSigned(t, filepath.Join(dir, "a.tar.00"), key)
			var problems Problems
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (!errors.As(err, &problems) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v does not tell %q", err, test.want)
			}
		})
	}
}

func TestAKeyThatIsNoneIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pub")
	write(t, file, []byte("nothing"))
	if err := RequireSigned(context.Background(), nil, file); err == nil || !strings.Contains(err.Error(), "key.pub holds no public key") {
		t.Errorf("%v", err)
	}
}

func requireSigned(t *testing.T, bundle string, key minisign.PrivateKey) error {
	t.Helper()
	public, err := key.Public().(minisign.PublicKey).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pub")
	write(t, file, public)
	bundles, err := OpenAll([]string{bundle})
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(bundles)
	return RequireSigned(context.Background(), bundles, file)
}

func newKey(t *testing.T) minisign.PrivateKey {
	t.Helper()
	_, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(key minisign.PrivateKey, content string) []byte {
	reader := minisign.NewReader(strings.NewReader(content))
	if _, err := reader.Read(make([]byte, len(content)+1)); err != nil {
		return nil
	}
	return reader.SignWithComments(key, "timestamp:1", "of a test")
}

func altered(signature []byte) []byte {
	return []byte(strings.Replace(string(signature), "timestamp:1", "timestamp:2", 1))
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
