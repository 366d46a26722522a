package upgrade

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"kedge/internal/fetch"
)

func newKey(t *testing.T) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func sign(key minisign.PrivateKey, content []byte) []byte {
	reader := minisign.NewReader(bytes.NewReader(content))
	_, _ = io.Copy(io.Discard, reader)
	return reader.Sign(key)
}

// lay writes an executable and, unless nil, its signature, and tells where.
func lay(t *testing.T, content, signature []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kedge")
	err := os.WriteFile(path, content, 0o644)
	if signature != nil {
		err = errors.Join(err, os.WriteFile(path+".minisig", signature, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyWhatIsSignedIsReceived(t *testing.T) {
	content := bytes.Repeat([]byte("kedge"), 100_000)
	public, private := newKey(t)
	later, laterPrivate := newKey(t)
	_, foreign := newKey(t)
	keys := []minisign.PublicKey{public, later}
	for name, test := range map[string]struct {
		signature []byte
		keys      []minisign.PublicKey
		want      string // empty: it is received
	}{
		"signed":                {signature: sign(private, content), keys: keys},
		"signed with a new key": {signature: sign(laterPrivate, content), keys: keys},
		"not signed":            {keys: keys, want: "the signature cannot be read"},
		"a foreign key":         {signature: sign(foreign, content), keys: keys, want: "it is of the key"},
		"another content":       {signature: sign(private, content[1:]), keys: keys, want: "not what was signed"},
		"no signature":          {signature: []byte("kedge"), keys: keys, want: "is no signature of minisign"},
		"no key asked for":      {},
	} {
		t.Run(name, func(t *testing.T) {
			var received bytes.Buffer
			err := Receive(t.Context(), fetch.Source{Where: lay(t, content, test.signature)}, &received, test.keys)
			switch {
			case test.want == "" && (err != nil || !bytes.Equal(received.Bytes(), content)):
				t.Errorf("%d bytes received: %v", received.Len(), err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v does not tell %q", err, test.want)
			}
		})
	}
	if err := Receive(t.Context(), fetch.Source{Where: t.TempDir()}, io.Discard, nil); err == nil {
		t.Error("a directory was received")
	}
}
