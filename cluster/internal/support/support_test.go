package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSecretsAreTakenOut(t *testing.T) {
	const secret = "hidden-treasure"
	for name, text := range map[string]string{
		"a URL":                 "endpoint postgres://kedge:hidden-treasure@db.example/kedge?sslmode=disable",
		"a data source":         `dataSource: "mysql://kedge:hidden-treasure@tcp(db.example:3306)/kedge"`,
		"a password with signs": "mysql://kedge:hidden-treasure/x:y@tcp(db)/kedge",
		"a key":                 "-----BEGIN EC PRIVATE KEY-----\nhidden-treasure\n-----END EC PRIVATE KEY-----",
		"a key without its end": "-----BEGIN PRIVATE KEY-----\nhidden-treasure\n",
		"a word in YAML":        "  admin-password: hidden-treasure\n",
		"a word in JSON":        `{"password": "hidden-treasure", "user": "kedge"}`,
		"a word with spaces":    `token="hidden-treasure and more hidden-treasure"`,
		"a flag":                "--oidc-client-secret=hidden-treasure --v=2",
		"a header":              "Authorization: Bearer hidden-treasure",
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(Scrub([]byte(text))); strings.Contains(got, secret) || !strings.Contains(got, hidden) {
				t.Errorf("scrubbed = %s", got)
			}
		})
	}
	for name, text := range map[string]string{
		"a bootstrap token": "token abcdef.0123456789abcdef is new",
		"a JSON web token":  "got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl here",
		"a join token":      "H4sI" + strings.Repeat("AAAA", 20),
		"a kubeconfig":      "client-key-data: LS0tLS1CRUdJTg==",
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(Scrub([]byte(text))); !strings.Contains(got, hidden) || len(got) >= len(text)+len(hidden) {
				t.Errorf("scrubbed = %s", got)
			}
		})
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	for _, text := range []string{
		"level=INFO msg=started component=kube-apiserver pid=7", "https://127.0.0.1:6443/readyz", "--secure-port=6443", "dial tcp 127.0.0.1:5432: connection refused",
		"postgres://db.example:5432/kedge", "-rw------- 1 root 227 pki/sa.key", "sqlite:///var/lib/kedge/db/state.db",
	} {
		if got := string(Scrub([]byte(text))); got != text {
			t.Errorf("scrubbed = %s; was %s", got, text)
		}
	}
}

func unpack(t *testing.T, archive io.Reader) map[string]string {
	t.Helper()
	compressed, err := gzip.NewReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for reader := tar.NewReader(compressed); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(header.Name, "kedge-support/")] = string(content)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sa.key"), []byte("hidden-treasure"), 0o600); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	err := Write(&archive, []Part{
		{Name: "half", Make: func(out io.Writer) error {
			fmt.Fprintln(out, "password=hidden-treasure")
			return errors.New("the other half is away")
		}},
		{Name: "files", Make: List(dir)},
		{Name: "none", Make: List(filepath.Join(dir, "none"))},
	}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, &archive)
	if want := "password=(hidden)\nthis is not all: the other half is away\n"; files["half"] != want {
		t.Errorf("half = %q; want %q", files["half"], want)
	}
	if !strings.Contains(files["files"], "sa.key") || strings.Contains(files["files"], "treasure") {
		t.Errorf("files = %q", files["files"])
	}
	if !strings.Contains(files["none"], "this is not all") {
		t.Errorf("none = %q", files["none"])
	}
}

func TestRecentKeepsTheEnd(t *testing.T) {
	recent := NewRecent(100)
	for number := range 1000 {
		fmt.Fprintf(recent, "line %d\n", number)
	}
	got := string(recent.Bytes())
	if !strings.HasSuffix(got, "line 998\nline 999\n") || !strings.HasPrefix(got, "line 9") || len(got) > 200 {
		t.Errorf("kept = %q", got)
	}
}
