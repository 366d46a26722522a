package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func now() Record { return Record{Kubernetes: "v1.37.2", UID: 7, Storage: "kine"} }

func TestOpenRemembers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "kedge.json")
	d, err := Open(file, now())
	if err != nil {
		t.Fatal(err)
	}
	if d.Record.Started {
		t.Error("a new directory has a cluster")
	}
	d.Record.Started = true
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, now()); err == nil || !strings.Contains(err.Error(), "another kedge uses it") {
		t.Errorf("second: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(file, now())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !again.Record.Started {
		t.Error("the cluster is forgotten")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct{ record, want string }{
		"newer format":     {`{"format": 2, "kubernetes": "v1.37.2", "uid": 7}`, "a newer kedge made it (format 2; this one knows 1)"},
		"newer Kubernetes": {`{"format": 1, "kubernetes": "v1.38.0", "uid": 7}`, "Kubernetes v1.38.0 wrote into it, and this is v1.37.2"},
		"next major":       {`{"format": 1, "kubernetes": "v2.0.0", "uid": 7}`, "Kubernetes v2.0.0 wrote into it"},
		"another user":     {`{"format": 1, "kubernetes": "v1.37.2", "uid": 0}`, "user 0 ran kedge there, and this is user 7"},
		"other storage":    {`{"format": 1, "kubernetes": "v1.37.2", "uid": 7, "storage": "etcd", "started": true}`, "its cluster is in etcd"},
		"half a file":      {`{"format": 1,`, "kedge.json cannot be read"},
		"newer patch":      {`{"format": 1, "kubernetes": "v1.37.9", "uid": 7, "storage": "kine"}`, ""},
		"older":            {`{"format": 1, "kubernetes": "v1.36.0", "uid": 7, "storage": "kine"}`, ""},
		"never used":       {`{"format": 1, "kubernetes": "v1.37.2", "uid": 7, "storage": "etcd"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kedge.json")
			if err := os.WriteFile(file, []byte(test.record), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := Open(file, now())
			if err == nil {
				defer d.Close()
			}
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
		})
	}
}

func TestRemoveTakesWhatKedgeMade(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "kedge.json")
	made, others := filepath.Join(dir, "db"), filepath.Join(dir, "holiday.jpg")
	for _, name := range []string{made, others} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func() error { return nil }
	if err := Remove(file, []string{made}, nothing); err == nil || !strings.Contains(err.Error(), "does not look like kedge's") {
		t.Errorf("error = %v", err)
	}
	d, err := Open(file, now())
	if err == nil {
		err = d.Save()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(file, []string{made}, nothing); err == nil || !strings.Contains(err.Error(), "another kedge uses it") {
		t.Errorf("error = %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("still mounted")
	if err := Remove(file, []string{made}, func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("error = %v; want %v", err, failed)
	}
	if _, err := os.Stat(made); err != nil {
		t.Errorf("what may be in use was removed: %v", err)
	}
	if err := Remove(file, []string{made}, nothing); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "holiday.jpg" {
		t.Errorf("left: %v, %v", left, err)
	}
}
