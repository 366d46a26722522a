package upgrade

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
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
			err := Source{Where: lay(t, content, test.signature)}.Receive(t.Context(), &received, test.keys)
			switch {
			case test.want == "" && (err != nil || !bytes.Equal(received.Bytes(), content)):
				t.Errorf("%d bytes received: %v", received.Len(), err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v does not tell %q", err, test.want)
			}
		})
	}
	if err := (Source{Where: t.TempDir()}).Receive(t.Context(), io.Discard, nil); err == nil {
		t.Error("a directory was received")
	}
}

// server hands out content, and cuts every answer after some bytes.
func server(t *testing.T, content []byte, after int, answers func(http.ResponseWriter) bool) string {
	t.Helper()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answers != nil && !answers(w) {
			return
		}
		if w.Header().Get("ETag") == "" {
			w.Header().Set("ETag", `"one"`)
		}
		http.ServeContent(&cutting{ResponseWriter: w, left: after}, r, "", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(served.Close)
	return served.URL + "/kedge?token=1"
}

type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(data []byte) (int, error) {
	if len(data) > c.left {
		_, _ = c.ResponseWriter.Write(data[:c.left])
		panic(http.ErrAbortHandler)
	}
	c.left -= len(data)
	return c.ResponseWriter.Write(data)
}

func receive(t *testing.T, url string) ([]byte, error) {
	t.Helper()
	r := &resuming{ctx: t.Context(), url: url, size: -1, silence: time.Second / 2}
	if err := r.connect(); err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestALostLineIsTakenUpAgain(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	received, err := receive(t, server(t, content, len(content)/7, nil))
	if err != nil || !bytes.Equal(received, content) {
		t.Errorf("%d of %d bytes received: %v", len(received), len(content), err)
	}
}

func TestServersThatDoNotHelp(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	requests := 0
	for name, test := range map[string]struct {
		answers func(http.ResponseWriter) bool
		after   int
		want    string
	}{
		"gone":    {func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusNotFound); return false }, 0, "404 Not Found"},
		"silent":  {func(http.ResponseWriter) bool { time.Sleep(time.Second); return false }, 0, "the server was silent for 500ms"},
		"nothing": {nil, 0, "EOF"},
		"another": {func(w http.ResponseWriter) bool {
			requests++
			w.Header().Set("ETag", strings.Repeat("1", requests)+`"`)
			return true
		}, len(content) / 2, "another file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := receive(t, server(t, content, test.after, test.answers)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not tell %q", err, test.want)
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := fetch(ctx, server(t, content, len(content), nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("after it was stopped: %v", err)
	}
}

func TestTheSignatureIsBesideTheFile(t *testing.T) {
	for where, want := range map[string]string{
		"https://example.com/a/kedge":   "https://example.com/a/kedge.minisig",
		"https://example.com/kedge?a=b": "https://example.com/kedge.minisig?a=b",
	} {
		if found, ok := (Source{Where: where}).url(".minisig"); !ok || found != want {
			t.Errorf("%s has its signature at %s", where, found)
		}
	}
	if _, ok := (Source{Where: "httpd/kedge"}).url(""); ok {
		t.Error("a path is a URL")
	}
}
