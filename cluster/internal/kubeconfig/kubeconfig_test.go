package kubeconfig

import (
	"reflect"
	"strings"
	"testing"
)

// foreign is as other tools write it, with more than one of everything.
const foreign = `apiVersion: v1
kind: Config
preferences: {}
current-context: two
clusters:
- name: c1
  cluster: {server: https://one.example:6443}
- name: c2
  cluster:
    server: https://two.example:6443
    certificate-authority-data: Y2E=
users:
- {name: u1, user: {token: other}}
- {name: u2, user: {token: abcdef.0123456789abcdef}}
contexts:
- {name: one, context: {cluster: c1, user: u1}}
- {name: two, context: {cluster: c2, user: u2, namespace: default}}
`

func TestParse(t *testing.T) {
	got, err := Parse([]byte(foreign))
	want := Config{Server: "https://two.example:6443", User: "u2", CA: []byte("ca"), Token: "abcdef.0123456789abcdef"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("config = %+v, %v", got, err)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for name, config := range map[string]Config{
		"contents": {Server: "https://a:1", User: "admin", CA: []byte("ca"), Certificate: []byte("crt"), Key: []byte("key")},
		"files":    {Server: "https://[::1]:1", User: "a: \"b\"", CAFile: "/ca", CertificateFile: "/crt", KeyFile: "/key"},
		"token":    {Server: "https://a:1", User: "kubelet-bootstrap", CA: []byte("ca"), Token: "t"},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := config.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Parse(content); err != nil || !reflect.DeepEqual(got, config) {
				t.Errorf("config = %+v, %v; want %+v", got, err, config)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"nothing":    {"", "kind Config"},
		"no YAML":    {"{", "read a kubeconfig"},
		"other kind": {"kind: Secret", "kind Config"},
		"no context": {strings.Replace(foreign, "current-context: two", "current-context: three", 1), `no context "three"`},
		"no cluster": {strings.Replace(foreign, "name: c2", "name: c3", 1), `no cluster "c2"`},
		"no user":    {strings.Replace(foreign, "name: u2, user: {", "name: u3, user: {", 1), `no user "u2"`},
		"no base64":  {strings.Replace(foreign, "Y2E=", "%%", 1), "read a kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(test.content)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
		})
	}
}
