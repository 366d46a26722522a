package revocation

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = `{"format": 1, "credentials": [
 {"serial": "1f2e", "node": "field-2", "revoked": "2026-11-27T10:00:00Z"},
 {"serial": "77", "node": "barn", "revoked": "2026-11-27T10:00:00Z"},
 {"serial": "78", "node": "barn", "revoked": "2026-11-28T10:00:00Z"}
]}`

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "revoked.json")
	none, err := Read(file)
	if err != nil || len(none.Nodes()) > 0 {
		t.Errorf("without a file: %v, %v", none, err)
	}
	if err := os.WriteFile(file, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if found, is := list.Find("1f2e"); !is || found.Node != "field-2" {
		t.Errorf("1f2e is %v, %v", found, is)
	}
	if _, is := list.Find("1f2"); is {
		t.Error("a part of a number was found")
	}
	if want := []string{"barn", "field-2"}; !slices.Equal(list.Nodes(), want) {
		t.Errorf("nodes = %v; want %v", list.Nodes(), want)
	}
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	for content, told := range map[string]string{
		"":              "no list",
		sample[:100]:    "no list",
		`{"format": 2}`: "its format is 2",
		`{}`:            "its format is 0",
		`{"format":1,"credentials":[{"serial":"1"}]}`: "credentials[0] lacks",
	} {
		file := filepath.Join(t.TempDir(), "revoked.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), told) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: error = %v; want %q", content, err, told)
		}
	}
}
