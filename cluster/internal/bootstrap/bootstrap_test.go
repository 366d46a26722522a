package bootstrap

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kedge/internal/csrapprover"
	"kedge/internal/manifests"
)

func TestStacksAreGood(t *testing.T) {
	stacks, err := Stacks()
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range stacks {
		stack := manifests.Read(name, files)
		if stack.Problem != nil {
			t.Error(stack.Problem)
		}
		if len(stack.Objects) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestNodesMayHaveWhatTheApproverAsksFor(t *testing.T) {
	stacks, err := Stacks()
	if err != nil {
		t.Fatal(err)
	}
	objects := manifests.Read("kedge-rbac", stacks["kedge-rbac"]).Objects
	at := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetName() == "kedge:selfnodeserver" })
	if at < 0 {
		t.Fatal("there is no such role")
	}
	rules, _, err := unstructured.NestedSlice(objects[at].Object, "rules")
	if err != nil || len(rules) != 1 {
		t.Fatalf("rules = %v, %v", rules, err)
	}
	resources, _, err := unstructured.NestedStringSlice(rules[0].(map[string]any), "resources")
	want := "certificatesigningrequests/" + csrapprover.Subresource
	if err != nil || !slices.Equal(resources, []string{want}) {
		t.Errorf("resources = %v, %v; want %s", resources, err, want)
	}
}
