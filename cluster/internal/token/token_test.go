package token

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"kedge/internal/kubeconfig"
)

const ca = "-----BEGIN CERTIFICATE-----\nY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"

func testJoin() Join {
	return Join{Server: "https://192.0.2.10:6443", CA: []byte(ca), Bootstrap: Bootstrap{"abcdef", "0123456789abcdef"}}
}

func packed(t *testing.T, content string) string {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func TestNew(t *testing.T) {
	counts := make(map[rune]int)
	seen := make(map[string]bool)
	for range 2000 {
		made, err := New(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseBootstrap(made.String()); err != nil || again != made || seen[made.ID+made.Secret] {
			t.Fatalf("%v is read as %v, %v", made, again, err)
		}
		seen[made.ID+made.Secret] = true
		for _, letter := range made.ID + made.Secret {
			counts[letter]++
		}
	}
	// 44000 letters of 36 kinds: 1222 of each, with a deviation of 34.5. Letters
	// that were favoured by a remainder would be seven deviations off.
	for letter, count := range counts {
		if count < 1050 || count > 1400 {
			t.Errorf("%c came %d times", letter, count)
		}
	}
	if _, err := New(iotest.ErrReader(iotest.ErrTimeout)); err == nil {
		t.Error("a token was made of nothing")
	}
}

func TestWhatIsPackedIsUnpacked(t *testing.T) {
	text, err := testJoin().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, copied := range map[string]string{"as it is": text, "lines": "\n " + text[:40] + "\r\n" + text[40:] + "\n"} {
		if got, err := Decode(copied); err != nil || !reflect.DeepEqual(got, testJoin()) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, word := range []string{text, "abcdef", "abcdef.0123456789abcdef"} {
		if id, err := ID(word); err != nil || id != "abcdef" {
			t.Errorf("ID = %q, %v", id, err)
		}
	}
}

// TestDecodeReadsForeignTokens reads one whose kubeconfig is YAML, with names of
// another distribution.
func TestDecodeReadsForeignTokens(t *testing.T) {
	got, err := Decode(packed(t, `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: `+base64.StdEncoding.EncodeToString([]byte(ca))+`
    server: https://192.0.2.10:6443
  name: k0s
contexts:
- context: {cluster: k0s, user: kubelet-bootstrap}
  name: k0s
current-context: k0s
kind: Config
users:
- name: kubelet-bootstrap
  user: {token: abcdef.0123456789abcdef}
`))
	if err != nil || !reflect.DeepEqual(got, testJoin()) {
		t.Errorf("join = %+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	config := func(change func(*kubeconfig.Config)) string {
		c := kubeconfig.Config{Server: "https://a:1", CA: []byte(ca), User: User, Token: "abcdef.0123456789abcdef"}
		change(&c)
		content, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return packed(t, string(content))
	}
	whole := config(func(*kubeconfig.Config) {})
	for name, test := range map[string]struct{ text, want string }{
		"nothing":           {"", "not compressed"},
		"no base64":         {"%", "not base64"},
		"no gzip":           {"YWJj", "not compressed"},
		"cut":               {whole[:len(whole)/8*4], "damaged"},
		"too long":          {strings.Repeat("a", maxBytes+1), "too long"},
		"a bomb":            {packed(t, strings.Repeat(" ", 2*maxBytes)), "damaged"},
		"no kubeconfig":     {packed(t, "hello"), "holds no kubeconfig"},
		"for a controller":  {config(func(c *kubeconfig.Config) { c.User = "controller-bootstrap" }), "not for a worker"},
		"bad token":         {config(func(c *kubeconfig.Config) { c.Token = "abcdef.0123" }), "six and sixteen"},
		"without a host":    {config(func(c *kubeconfig.Config) { c.Server = "https://:6443" }), "https://HOST:PORT"},
		"unencrypted":       {config(func(c *kubeconfig.Config) { c.Server = "http://a:6443" }), "https://HOST:PORT"},
		"without authority": {config(func(c *kubeconfig.Config) { c.CA = nil }), "PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "0123") {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	secret := Secret(testJoin().Bootstrap, expires)
	if secret.Name != "bootstrap-token-abcdef" || secret.Namespace != "kube-system" || secret.Type != "bootstrap.kubernetes.io/token" {
		t.Errorf("secret = %+v", secret)
	}
	if got := secret.StringData["expiration"]; got != "2030-01-02T02:04:05Z" {
		t.Errorf("expiration = %q", got)
	}
	if _, expires := Secret(testJoin().Bootstrap, time.Time{}).StringData["expiration"]; expires {
		t.Error("a token without an end has one")
	}
}

func FuzzDecode(f *testing.F) {
	text, err := testJoin().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("YWJj")
	f.Fuzz(func(t *testing.T, text string) {
		join, err := Decode(text)
		if err != nil {
			return
		}
		again, err := join.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := Decode(again); err != nil || !reflect.DeepEqual(twice, join) {
			t.Errorf("%+v becomes %+v, %v", join, twice, err)
		}
	})
}
