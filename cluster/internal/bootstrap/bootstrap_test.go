package bootstrap

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kedge/internal/agentsigner"
	"kedge/internal/csrapprover"
	"kedge/internal/enroller"
	"kedge/internal/manifests"
	"kedge/internal/workerconfig"
)

func cluster() Cluster {
	return Cluster{
		Services: netip.MustParsePrefix("10.96.0.0/12"),
		Workers: map[string]workerconfig.Config{
			"default": {Version: workerconfig.Version, KubeletClientCA: "-----BEGIN\n\"<&>\"\n"},
			"tiny":    {Version: workerconfig.Version, Kubelet: map[string]any{"maxPods": 30}},
		},
	}
}

func TestStacksAreGood(t *testing.T) {
	stacks, err := Stacks(cluster())
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

func TestNodesMayHaveWhatTheSignersAskFor(t *testing.T) {
	stacks, err := Stacks(cluster())
	if err != nil {
		t.Fatal(err)
	}
	objects := manifests.Read("kedge-rbac", stacks["kedge-rbac"]).Objects
	for _, subresource := range []string{csrapprover.Subresource, agentsigner.Subresource} {
		at := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetName() == "kedge:"+subresource })
		if at < 0 {
			t.Fatalf("there is no role for %s", subresource)
		}
		rules, _, err := unstructured.NestedSlice(objects[at].Object, "rules")
		if err != nil || len(rules) != 1 {
			t.Fatalf("rules = %v, %v", rules, err)
		}
		resources, _, err := unstructured.NestedStringSlice(rules[0].(map[string]any), "resources")
		want := "certificatesigningrequests/" + subresource
		if err != nil || !slices.Equal(resources, []string{want}) {
			t.Errorf("resources = %v, %v; want %s", resources, err, want)
		}
	}
}

// A credential reads requests that it knows by name: it must not learn names.
func TestCredentialsMayDoNothingElse(t *testing.T) {
	stacks, err := Stacks(cluster())
	if err != nil {
		t.Fatal(err)
	}
	objects := manifests.Read("kedge-rbac", stacks["kedge-rbac"]).Objects
	at := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool {
		return o.GetName() == "kedge:enrolling" && o.GetKind() == "ClusterRole"
	})
	if at < 0 {
		t.Fatal("there is no role for credentials")
	}
	want := []any{
		map[string]any{"apiGroups": []any{"certificates.k8s.io"}, "resources": []any{"certificatesigningrequests"}, "verbs": []any{"create", "get"}},
		map[string]any{"apiGroups": []any{"certificates.k8s.io"}, "resources": []any{"certificatesigningrequests/" + enroller.Subresource}, "verbs": []any{"create"}},
	}
	if rules := objects[at].Object["rules"]; !reflect.DeepEqual(rules, any(want)) {
		t.Errorf("rules = %v; want %v", rules, want)
	}
}

func TestStacksThatAreNotWanted(t *testing.T) {
	without := func(change func(*Cluster)) Cluster {
		c := cluster()
		change(&c)
		return c
	}
	for name, test := range map[string]struct {
		cluster Cluster
		want    string
	}{
		"all":              {cluster(), "kedge-dns kedge-metrics kedge-network kedge-network-policy kedge-plans kedge-proxy kedge-rbac kedge-worker"},
		"no network":       {without(func(c *Cluster) { c.Disabled = []string{Network} }), "kedge-dns kedge-metrics kedge-network-policy kedge-plans kedge-proxy kedge-rbac kedge-worker"},
		"none of optional": {without(func(c *Cluster) { c.Disabled = Optional() }), "kedge-plans kedge-rbac kedge-worker"},
	} {
		t.Run(name, func(t *testing.T) {
			stacks, err := Stacks(test.cluster)
			if got := strings.Join(slices.Sorted(maps.Keys(stacks)), " "); got != test.want || err != nil {
				t.Errorf("stacks = %s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestWorkersMayReadWhatTheyAreTold(t *testing.T) {
	stacks, err := Stacks(cluster())
	if err != nil {
		t.Fatal(err)
	}
	var told, permitted []string
	for _, object := range manifests.Read("kedge-worker", stacks["kedge-worker"]).Objects {
		switch object.GetKind() {
		case "ConfigMap":
			told = append(told, object.GetName())
			document, _, err := unstructured.NestedString(object.Object, "data", workerconfig.Key)
			if err != nil {
				t.Fatal(err)
			}
			profile := strings.TrimPrefix(object.GetName(), "worker-config-")
			if got, err := workerconfig.Decode([]byte(document)); err != nil || got.KubeletClientCA != cluster().Workers[profile].KubeletClientCA {
				t.Errorf("%s is told %+v, %v", profile, got, err)
			}
		case "Role":
			rules, _, err := unstructured.NestedSlice(object.Object, "rules")
			if err != nil || len(rules) != 1 {
				t.Fatalf("rules = %v, %v", rules, err)
			}
			permitted, _, err = unstructured.NestedStringSlice(rules[0].(map[string]any), "resourceNames")
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"worker-config-default", "worker-config-tiny"}; !slices.Equal(told, want) || !slices.Equal(permitted, want) {
		t.Errorf("told = %v, permitted = %v; want %v", told, permitted, want)
	}
}

func TestDNSAddress(t *testing.T) {
	for services, want := range map[string]string{"10.96.0.0/12": "10.96.0.10", "fd00::/108": "fd00::a"} {
		if got := DNSAddress(netip.MustParsePrefix(services)).String(); got != want {
			t.Errorf("address of %s = %s; want %s", services, got, want)
		}
	}
}
