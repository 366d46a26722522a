package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"kedge/internal/golden"
)

// contracts is the directory of files that the JSON Schema is judged by too.
const contracts = "../../../tests/contracts/clusterconfig"

func samples(t *testing.T, kind string, least int) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(contracts, kind, "*.yaml"))
	if err != nil || len(files) < least {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	return files
}

func TestGoodSamples(t *testing.T) {
	for _, file := range samples(t, "good", 6) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if _, err := Load(file); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBadSamples compares all that is told, with line and column.
func TestBadSamples(t *testing.T) {
	for _, file := range append(samples(t, "bad", 15), samples(t, "meaning", 10)...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), content)
			var problems *Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error = %v", err)
			}
			golden.Compare(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestEverythingIsRead(t *testing.T) {
	got, err := Load(filepath.Join(contracts, "good", "everything.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	spec := got.Spec
	if spec.API.Port != 443 || spec.API.ExtraArgs["v"] != "2" || len(spec.API.SANs) != 3 || spec.Executables["kubelet"] != "/opt/kubelet/bin/kubelet" {
		t.Errorf("spec = %+v", spec)
	}
	want := map[string]any{
		"maxPods": 20, "evictionHard": map[string]any{"memory.available": "50Mi"}, "mergeDefaultEvictionSettings": true,
		"nothing": nil, "list": []any{1, "two", map[string]any{"three": 3}},
	}
	if !reflect.DeepEqual(spec.WorkerProfiles[0].Values, want) {
		t.Errorf("values = %#v; want %#v", spec.WorkerProfiles[0].Values, want)
	}
	if on, off := spec.FeatureGatesOf("kubelet"), spec.FeatureGatesOf("kube-proxy"); !on["NodeSwap"] || off["NodeSwap"] || len(off) != 1 || len(spec.FeatureGatesOf("kube-scheduler")) != 0 {
		t.Errorf("gates of the kubelet = %v, of kube-proxy = %v", on, off)
	}
}

func TestDefaultIsWhatAnEmptyFileMeans(t *testing.T) {
	got, err := Load(filepath.Join(contracts, "good", "minimal.yaml"))
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("config = %+v, %v", got, err)
	}
	written, err := yaml.Marshal(Default())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse("written", written); err != nil || !reflect.DeepEqual(again, Default()) {
		t.Errorf("what is written is read as %+v, %v", again, err)
	}
}

// TestEveryFieldWrong puts something wrong into each field in turn, and wants
// to be told which field it was.
func TestEveryFieldWrong(t *testing.T) {
	var fields []string
	var walk func(is reflect.Type, path string)
	walk = func(is reflect.Type, path string) {
		for i := range is.NumField() {
			at := join(path, nameOf(is.Field(i)))
			fields = append(fields, at)
			if is.Field(i).Type.Kind() == reflect.Struct {
				walk(is.Field(i).Type, at)
			}
		}
	}
	walk(reflect.TypeFor[ClusterConfig](), "")
	if len(fields) < 40 {
		t.Fatalf("only %d fields", len(fields))
	}
	for _, field := range fields {
		// null fits no field, a mapping in a list neither, and nothing has a field "wrong".
		for _, wrong := range []string{"null", "[[]]", "{wrong: {}}"} {
			t.Run(field+" "+wrong, func(t *testing.T) {
				names := strings.Split(field, ".")
				text := strings.Join(names, ": {") + ": " + wrong + strings.Repeat("}", len(names)-1)
				_, err := Parse("file", []byte("{"+text+"}"))
				var problems *Problems
				if !errors.As(err, &problems) {
					t.Fatalf("error = %v", err)
				}
				for _, problem := range problems.List {
					if strings.HasPrefix(problem.Field, field) && problem.Line == 1 && problem.Column > 1 {
						return
					}
				}
				t.Errorf("%s is not named:\n%v", field, err)
			})
		}
	}
}

func TestGeneratedFilesAreCurrent(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "../../../schemas/clusterconfig.schema.json", string(schema))
	golden.Compare(t, "../../../docs/reference/clusterconfig.md", Reference())
}

func TestLoad(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error = %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, kind := range []string{"good", "bad", "meaning"} {
		files, err := filepath.Glob(filepath.Join(contracts, kind, "*.yaml"))
		if err != nil || len(files) == 0 {
			f.Fatalf("no samples: %v", err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		config, err := Parse("file", content)
		if err != nil {
			return
		}
		// What was taken can be written and is taken again.
		written, err := yaml.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse("again", written); err != nil {
			t.Errorf("%v\n%s", err, written)
		}
	})
}
