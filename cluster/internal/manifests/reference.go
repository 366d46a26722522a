package manifests

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Reference names an object, whatever version of its API is asked.
type Reference struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

func refer(object *unstructured.Unstructured) Reference {
	kind := object.GroupVersionKind()
	return Reference{Group: kind.Group, Kind: kind.Kind, Namespace: object.GetNamespace(), Name: object.GetName()}
}

func (r Reference) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.Group, Kind: r.Kind}
}

// String is as kubectl takes it: kind.group/name.
func (r Reference) String() string {
	text := strings.ToLower(r.groupKind().String()) + "/" + r.Name
	if r.Namespace != "" {
		text += " in " + r.Namespace
	}
	return text
}

// phase is when an object is applied. What others are made of or live in comes
// first; what leads requests elsewhere comes last, when that may be there.
func (r Reference) phase() int {
	switch r.groupKind() {
	case schema.GroupKind{Kind: "Namespace"}:
		return 0
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return 1
	case schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"},
		schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"},
		schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}:
		return 3
	}
	return 2
}

// holdsOthers tells that objects which are not of the stack would be deleted with it.
func (r Reference) holdsOthers() bool { return r.phase() < 2 }

func inOrder(a, b Reference) int { return cmp.Compare(a.phase(), b.phase()) }

// without is what of a is not in b, last phase first.
func without(a, b []Reference) []Reference {
	left := slices.DeleteFunc(slices.Clone(a), func(r Reference) bool { return slices.Contains(b, r) })
	slices.SortStableFunc(left, func(x, y Reference) int { return inOrder(y, x) })
	return left
}
