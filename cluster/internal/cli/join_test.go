//go:build !without_worker

package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWaysToJoinThatDoNotGoTogether(t *testing.T) {
	for name, test := range map[string]struct {
		flags joinFlags
		args  []string
		told  string
	}{
		"a token":                       {flags: joinFlags{tokenFile: "t"}},
		"a credential":                  {flags: joinFlags{credentialFile: "c", authorityFile: "a", servers: []string{"mill.example.com", "[2001:db8::1]:6443", "2001:db8::1"}}},
		"a token in two ways":           {joinFlags{tokenFile: "t"}, []string{"token"}, "exclude each other"},
		"a credential and a token":      {joinFlags{credentialFile: "c", authorityFile: "a", servers: []string{"s"}}, []string{"token"}, "joins in one way"},
		"a credential and a file":       {joinFlags{credentialFile: "c", authorityFile: "a", servers: []string{"s"}, tokenFile: "t"}, nil, "joins in one way"},
		"a credential and a kubeconfig": {joinFlags{credentialFile: "c", authorityFile: "a", servers: []string{"s"}, kubeconfig: "k"}, nil, "joins in one way"},
		"a credential, no authority":    {joinFlags{credentialFile: "c", servers: []string{"s"}}, nil, "needs --authority-file and --server"},
		"a credential, no server":       {joinFlags{credentialFile: "c", authorityFile: "a"}, nil, "needs --authority-file and --server"},
		"a fleet's card":                {flags: joinFlags{authorityFile: "a", servers: []string{"s"}}},
		"an authority alone":            {joinFlags{authorityFile: "a"}, nil, "needs both --authority-file and --server"},
		"a server alone":                {joinFlags{servers: []string{"s"}}, nil, "needs both --authority-file and --server"},
		"a server with a token":         {joinFlags{tokenFile: "t", servers: []string{"s"}}, nil, "go with --credential-file"},
		"a URL":                         {joinFlags{credentialFile: "c", authorityFile: "a", servers: []string{"s", "https://s:6443"}}, nil, `"https://s:6443" is no address`},
		"a port alone":                  {joinFlags{credentialFile: "c", authorityFile: "a", servers: []string{":6443"}}, nil, `":6443" is no address`},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.flags.check(test.args)
			if (err == nil) != (test.told == "") || err != nil && !strings.Contains(err.Error(), test.told) {
				t.Errorf("error = %v; want %q", err, test.told)
			}
		})
	}
}

func TestServersHaveAPort(t *testing.T) {
	for server, want := range map[string]string{
		"mill.example.com": "https://mill.example.com:6443", "192.0.2.1:443": "https://192.0.2.1:443",
		"2001:db8::1": "https://[2001:db8::1]:6443", "[2001:db8::1]": "https://[2001:db8::1]:6443", "[2001:db8::1]:443": "https://[2001:db8::1]:443",
	} {
		if got := serverURL(server); got != want {
			t.Errorf("serverURL(%q) = %q; want %q", server, got, want)
		}
	}
}

func TestANodeDoesWithoutItsCredential(t *testing.T) {
	authority, err := os.ReadFile("testdata/authority.crt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	flags := joinFlags{credentialFile: filepath.Join(dir, "credential.pem"), authorityFile: filepath.Join(dir, "ca.crt"), servers: []string{"a", "b:1"}}
	if err := os.WriteFile(flags.authorityFile, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, wiped := range map[string][]byte{"gone": nil, "wiped": make([]byte, 1000)} {
		if wiped != nil {
			if err := os.WriteFile(flags.credentialFile, wiped, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := flags.readCredential(false); err == nil || !strings.Contains(err.Error(), flags.credentialFile) {
			t.Errorf("%s, no node: error = %v", name, err)
		}
		right, err := flags.readCredential(true)
		if err != nil || right.Credential != nil || !slices.Equal(right.Servers, []string{"https://a:6443", "https://b:1"}) {
			t.Errorf("%s, a node: %+v, %v", name, right, err)
		}
	}
	if err := os.WriteFile(flags.authorityFile, []byte("eve"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := flags.readCredential(true); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("error = %v", err)
	}
}
