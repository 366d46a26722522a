package manifests

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	configMap = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	namespace = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
)

func config(name string) string {
	return "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {a: b}\n"
}

// stack makes a stack of one file.
func stack(content ...string) Stack {
	return Read("shop", fstest.MapFS{"a.yaml": {Data: []byte(strings.Join(content, ""))}})
}

func (f *fakeCluster) mustSync(t *testing.T, s Stack) {
	t.Helper()
	if err := f.Sync(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func (f *fakeCluster) expect(t *testing.T, kind schema.GroupVersionKind, want ...string) {
	t.Helper()
	if got := f.names(t, kind); !slices.Equal(got, append([]string{}, want...)) {
		t.Errorf("%ss = %q; want %q", kind.Kind, got, want)
	}
}

func TestReadSaysWhereEveryMistakeIs(t *testing.T) {
	s := Read("shop", fstest.MapFS{
		"a.yaml":         {Data: []byte("# nothing\n" + config("one") + "---\nkind: ConfigMap\nmetadata: {name: two}\n")},
		"b.yaml":         {Data: []byte("apiVersion: v1\nkind: ConfigMap\nkind: Secret\n")},
		"c.yml":          {},
		"d.json":         {Data: []byte(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three"}}]}`)},
		"e.yaml":         {Data: []byte(config("one"))},
		"f.yaml":         {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n")},
		"README.md":      {Data: []byte("not a manifest")},
		".a.yaml":        {Data: []byte(config("hidden"))},
		"a.yaml.tmp":     {Data: []byte(config("half"))},
		"below/one.yaml": {Data: []byte(config("below"))},
	})
	if s.Problem == nil {
		t.Fatal("no problem found")
	}
	for _, want := range []string{
		"shop/a.yaml: document 3: it has no apiVersion", "shop/b.yaml: document 1: ", `key "kind" already set`,
		"shop/c.yml: the file is empty", "stack shop has configmap/one twice", "shop/f.yaml: document 1: ConfigMap has no metadata.name",
	} {
		if !strings.Contains(s.Problem.Error(), want) {
			t.Errorf("%q is not in: %v", want, s.Problem)
		}
	}
	for _, name := range []string{"hidden", "half", "below"} {
		if slices.ContainsFunc(s.Objects, func(o *unstructured.Unstructured) bool { return o.GetName() == name }) {
			t.Errorf("%s was read", name)
		}
	}
	if !slices.ContainsFunc(s.Objects, func(o *unstructured.Unstructured) bool { return o.GetName() == "three" }) {
		t.Error("the item of a list was not read")
	}
}

func TestStackIsAppliedChangedAndPruned(t *testing.T) {
	f := newFake(t, object(configMap, "default", "of-the-user", nil))
	f.mustSync(t, stack(config("one"), config("two")))
	f.expect(t, configMap, "of-the-user", "one", "two")
	f.mustSync(t, stack(config("two"), config("three")))
	f.expect(t, configMap, "of-the-user", "three", "two")
	f.mustSync(t, Stack{Name: "shop"})
	f.expect(t, configMap, "of-the-user")
	if known, err := newRecords(f.Client).names(t.Context()); err != nil || len(known) > 0 {
		t.Errorf("records = %v, %v", known, err)
	}
}

func TestOrderIsThatOfNeeds(t *testing.T) {
	f := newFake(t)
	f.mapper.atReset = func() {
		if slices.Contains(f.events, "+widgets.example.com") {
			f.mapper.learn(widget, true)
		}
	}
	f.mustSync(t, stack(
		"---\napiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: shop}\n", config("one"),
		"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n",
		"---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
	))
	if got, want := strings.Join(f.events, " "), "+shop +widgets.example.com +w +one"; got != want {
		t.Errorf("events = %s; want %s", got, want)
	}
}

func TestNothingIsPrunedWhileSomethingIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		second Stack
		broken string
	}{
		"a file cannot be read":       {stack(config("two"), "---\n{{"), ""},
		"a file is empty":             {stack(), ""},
		"an object cannot be applied": {stack(config("two")), "two"},
		"a kind is not known":         {stack("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.mustSync(t, stack(config("one")))
			f.broken[test.broken] = true
			if err := f.Sync(t.Context(), test.second); err == nil {
				t.Error("no error")
			}
			if !slices.Contains(f.names(t, configMap), "one") {
				t.Error("one was pruned")
			}
			delete(f.broken, test.broken)
			f.mustSync(t, stack(config("three")))
			f.expect(t, configMap, "three")
		})
	}
}

func TestOneBrokenObjectDoesNotHoldTheOthersUp(t *testing.T) {
	f := newFake(t)
	f.broken["one"] = true
	err := f.Sync(t.Context(), stack(config("one"), config("two")))
	if err == nil || !strings.Contains(err.Error(), "apply configmap/one in default: ") {
		t.Errorf("error = %v", err)
	}
	f.expect(t, configMap, "two")
}

func TestWhatIsNotTheStacksStays(t *testing.T) {
	f := newFake(t, object(configMap, "default", "theirs", map[string]string{stackLabel: "other"}))
	err := f.Sync(t.Context(), stack(config("theirs"), config("one")))
	if err == nil || !strings.Contains(err.Error(), "configmap/theirs in default belongs to stack other") {
		t.Errorf("error = %v", err)
	}
	f.mustSync(t, Stack{Name: "shop"})
	f.expect(t, configMap, "theirs")
}

func TestWhatHoldsThingsOfOthersIsGivenAwayInsteadOfDeleted(t *testing.T) {
	f := newFake(t)
	f.mustSync(t, stack("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"))
	f.mustSync(t, Stack{Name: "shop"})
	f.expect(t, namespace, "shop")
	f.mustSync(t, Stack{Name: "shop"})
	second := Read("other", fstest.MapFS{"a.yaml": {Data: []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")}})
	f.mustSync(t, second)
}

func TestDamagedRecordPrunesNothing(t *testing.T) {
	f := newFake(t)
	f.mustSync(t, stack(config("one")))
	records := newRecords(f.Client)
	damaged := object(configMap, "kube-system", recordPrefix+"shop", nil)
	damaged.Object["data"] = map[string]any{recordKey: "{"}
	if err := f.client.Tracker().Update(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, damaged, "kube-system"); err != nil {
		t.Fatal(err)
	}
	if _, err := records.read(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), "kedge-stack-shop in kube-system is damaged") {
		t.Errorf("error = %v", err)
	}
	if err := f.Sync(t.Context(), Stack{Name: "shop"}); err == nil {
		t.Error("no error")
	}
	f.expect(t, configMap, "one")
}

// eventually waits for what a watcher does; its patience is for slow machines.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not seen: %s", what)
		}
	}
}

func TestWatcherFollowsDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "manifests")
	write := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("broken/a.yaml", "{{")
	write("Bad Name/a.yaml", config("bad"))
	write("own/a.yaml", config("false"))
	f := newFake(t)
	// A stack that went while nobody watched.
	f.mustSync(t, Read("gone", fstest.MapFS{"a.yaml": {Data: []byte(config("gone"))}}))
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	own := fstest.MapFS{"a.yaml": {Data: []byte(config("own"))}}
	watcher := NewWatcher(f.Cluster, dir, map[string]fs.FS{"own": own})
	if watcher.Ready() == nil {
		t.Error("ready before it ran")
	}
	go func() { done <- watcher.Run(ctx) }()
	has := func(want ...string) func() bool {
		return func() bool { return slices.Equal(f.names(t, configMap), want) }
	}
	eventually(t, "own stack, and the pruning of one that went", has("own"))
	eventually(t, "readiness", func() bool { return watcher.Ready() == nil })
	write("shop/a.yaml", config("one"))
	eventually(t, "a new stack", has("one", "own"))
	write("shop/a.yaml", config("two"))
	eventually(t, "a changed stack", has("own", "two"))
	if err := os.RemoveAll(filepath.Join(dir, "shop")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a removed stack", has("own"))
	end()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestTheSettingIsNamedWhereNothingMoreCanBeWatched(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	full := limit
	full.Cur = 0
	watcher := NewWatcher(Cluster{}, t.TempDir(), nil)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &full); err != nil {
		t.Fatal(err)
	}
	err := watcher.Run(t.Context())
	if restored := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); restored != nil {
		t.Fatal(restored)
	}
	if err == nil || !strings.Contains(err.Error(), "fs.inotify.max_user_instances") {
		t.Errorf("Run = %v; want the setting's name", err)
	}
}
