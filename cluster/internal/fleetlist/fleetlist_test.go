package fleetlist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `{"format": 1, "open": true, "devices": [
 {"serialNumber": "S1", "node": "field-1", "credential": "1f", "made": "2026-11-27T10:00:00Z", "expires": "2036-11-27T10:00:00Z", "labels": {"a": "b"}}
]}`

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.json")
	if none, err := Read(file); err != nil || none.IsOpen {
		t.Errorf("without a file: %+v, %v", none, err)
	}
	if err := os.WriteFile(file, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Read(file)
	if err != nil || !list.IsOpen {
		t.Fatalf("%+v, %v", list, err)
	}
	found, is := list.Find("S1")
	if !is || found.Node != "field-1" || found.Credential != "1f" || found.Expires.Year() != 2036 || found.Labels["a"] != "b" {
		t.Errorf("S1 is %+v, %v", found, is)
	}
	for _, serial := range []string{"", "S", "s1", "S11"} {
		if _, is := list.Find(serial); is {
			t.Errorf("%q is on the list", serial)
		}
	}
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	for content, told := range map[string]string{
		"":               "no list",
		sample[:60]:      "no list",
		`{"format": 2}`:  "its format is 2",
		`{"open": true}`: "its format is 0",
		`{"format":1,"devices":[{"node":"a","credential":"1"}]}`:                                                                     "devices[0] lacks",
		`{"format":1,"devices":[{"serialNumber":"S","node":"a","credential":"1"},{"serialNumber":"S","node":"b","credential":"2"}]}`: "devices[1]: its serial number is there twice",
	} {
		if _, err := Parse([]byte(content)); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%q: error = %v; want %q", content, err, told)
		}
	}
}
