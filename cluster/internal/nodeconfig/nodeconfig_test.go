package nodeconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// contracts is the directory of files that builder judges, too.
const contracts = "../../../tests/contracts/node"

// TestVerdicts wants every mistake of every sample, with its line and key, as
// the verdicts have it.
func TestVerdicts(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(contracts, "verdicts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var verdicts map[string][]string
	if err := json.Unmarshal(content, &verdicts); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(contracts, "*", "*.yaml"))
	if err != nil || len(files) < 40 || len(files) != len(verdicts) {
		t.Fatalf("%d samples, %d verdicts, %v", len(files), len(verdicts), err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(content)
			got := []string{}
			var problems Problems
			if errors.As(err, &problems) {
				for _, one := range problems {
					got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s", one.Line, one.Key)))
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, verdicts[name]) {
				t.Errorf("got %q; want %q\n%v", got, verdicts[name], err)
			}
		})
	}
}

func TestSchemaIsBuilders(t *testing.T) {
	want, err := os.ReadFile("../../../schemas/node.schema.json")
	if err != nil || string(want) != string(schemaText) {
		t.Errorf("node.schema.json is another one here: python -m builder.cli.generate (%v)", err)
	}
	for meaning := range readings() {
		if !strings.Contains(string(schemaText), `"`+meaning+`"`) {
			t.Errorf("the schema has nothing that must be %s", meaning)
		}
	}
}

func TestEverythingIsRead(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(contracts, "good", "everything.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "field-1" || got.Role != Worker || len(got.Endpoints) != 4 || !got.Discovery || got.Credential != "credential.pem" ||
		got.Cluster.Name != "mill" || got.Site != "orchard" || got.Profile != "tiny" || len(got.Labels) != 3 {
		t.Errorf("config = %+v", got)
	}
	if want := (Taint{Key: "example.com/wet", Value: "true", Effect: "NoSchedule"}); got.Taints[0] != want {
		t.Errorf("taint = %+v", got.Taints[0])
	}
	wired, tagged, wireless := got.Network.Interfaces["eth0"], got.Network.Interfaces["eth0.7"], got.Network.Interfaces["wlan0"]
	if wired.AsksForAddress() || wired.Gateway != "192.0.2.1" || len(wired.Addresses) != 2 || len(wired.Nameservers) != 2 {
		t.Errorf("eth0 = %+v", wired)
	}
	if !tagged.AsksForAddress() || *tagged.VLAN != (VLAN{Number: 7, Parent: "eth0"}) {
		t.Errorf("eth0.7 = %+v", tagged)
	}
	if want := (WiFi{SSID: "Mill 5 GHz", Passphrase: "correct horse", Country: "DE"}); *wireless.WiFi != want {
		t.Errorf("wlan0 = %+v", wireless)
	}
	if proxy := got.Network.Proxy; proxy.HTTPS != "http://user:word@192.0.2.3:3128/" || len(proxy.Exclude) != 3 {
		t.Errorf("proxy = %+v", proxy)
	}
	if len(got.Time.Servers) != 3 || len(got.SSH.Keys) != 1 {
		t.Errorf("time = %+v, ssh = %+v", got.Time, got.SSH)
	}
	want := []ExtraFile{{Path: "/etc/motd", Content: "field 1\n", Mode: "0644"}, {Path: "/etc/hello", Content: "#!/bin/sh\n", Mode: "0755"}}
	if !reflect.DeepEqual(got.Files, want) {
		t.Errorf("files = %+v", got.Files)
	}
}

// TestSecretsAreNotRepeated looks at what is told of samples with marked values:
// it lies on the card afterwards, and in the journal.
func TestSecretsAreNotRepeated(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(contracts, "bad", "secret*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(content)
		for _, mark := range []string{"3cret", "7319"} {
			if err == nil || strings.Contains(err.Error(), mark) {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// TestOddFiles are what editors of other systems leave.
func TestOddFiles(t *testing.T) {
	for name, text := range map[string]string{
		"UTF-16":                "\xff\xfef\x00",
		"byte order mark":       "\xef\xbb\xbfformat: 1\nrole: single\n",
		"carriage returns":      "format: 1\r\nrole: single\r\n",
		"Latin-1":               "format: 1\nrole: single\n# \xe4\n",
		"too large":             "format: 1\nrole: single\n" + strings.Repeat("#", maxBytes),
		"alias":                 "format: 1\nrole: &a single\nname: *a\n",
		"tag":                   "format: 1\nrole: !!str single\n",
		"octal":                 "format: 01\nrole: single\n",
		"merge":                 "format: 1\nrole: single\n<<: {name: a}\n",
		"a key that is no text": "format: 1\nrole: single\n? [a]\n: b\n",
		"zeroes":                strings.Repeat("\x00", 512),
	} {
		var problems Problems
		if _, err := Parse([]byte(text)); !errors.As(err, &problems) || len(problems) == 0 {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}
