package policy

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/knftables"
)

// running is an enforcer with a kernel's stand-in for IPv4, until the test ends.
func running(t *testing.T, client *fake.Clientset, nft knftables.Interface) *Enforcer {
	t.Helper()
	e, err := New(Options{
		Node: here, Client: client, Tables: []*Table{NewTable(knftables.IPv4Family, nft, time.Now)},
		Resync: time.Hour, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Run(t.Context())
	}()
	t.Cleanup(func() { <-ended })
	return e
}

// eventually fails the test where something does not become so.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(20 * time.Second); !isSo(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatalf("not %s", what)
		}
	}
}

// objects are a namespace, a pod without IPv6, and a policy that closes it.
func objects() []runtime.Object {
	return []runtime.Object{
		&core.Namespace{ObjectMeta: meta.ObjectMeta{Name: "x"}}, pod("x", "web", here, "app=web", "10.244.1.2"), policy("p", ingress()),
	}
}

func stands(nft *knftables.Fake, text string) bool {
	nft.RLock()
	defer nft.RUnlock()
	return nft.Table != nil && strings.Contains(nft.Dump(), text)
}

func TestRulesFollowTheObjects(t *testing.T) {
	client, nft := fake.NewClientset(objects()...), knftables.NewFake(knftables.IPv4Family, TableName)
	e := running(t, client, nft)
	element := "add element ip " + TableName + " ingress-pods { 10.244.1.2 :"
	eventually(t, "enforced", func() bool { return e.Ready() == nil && stands(nft, element) })
	if err := client.NetworkingV1().NetworkPolicies("x").Delete(t.Context(), "p", meta.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "open again", func() bool { return !stands(nft, element) })
}

// What is not known yet might be what forbids, or what allows.
func TestNothingIsWrittenBeforeAllIsKnown(t *testing.T) {
	for _, resource := range []string{"pods", "namespaces", "networkpolicies"} {
		t.Run(resource, func(t *testing.T) {
			client, nft := fake.NewClientset(objects()...), knftables.NewFake(knftables.IPv4Family, TableName)
			asked := make(chan struct{}, 100)
			client.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				asked <- struct{}{}
				return true, nil, errors.New("away")
			})
			e := running(t, client, nft)
			<-asked
			<-asked
			if !errors.Is(e.Ready(), errNotHeard) || stands(nft, "") {
				t.Errorf("ready = %v, and there is\n%s", e.Ready(), nft.Dump())
			}
		})
	}
}

func TestWhatFailsIsToldAndTriedAgain(t *testing.T) {
	nft := knftables.NewFake(knftables.IPv4Family, TableName)
	e := running(t, fake.NewClientset(objects()...), &refusesFirst{Interface: nft})
	eventually(t, "told", func() bool { return e.Ready() != nil && strings.Contains(e.Ready().Error(), "File exists") })
	eventually(t, "enforced", func() bool { return e.Ready() == nil && stands(nft, "ingress-pods { 10.244.1.2 :") })
}

// A kernel without IPv6 has no table for it, and needs none until a pod has such an address.
func TestAFamilyThatTheKernelLacks(t *testing.T) {
	client, nft := fake.NewClientset(objects()...), knftables.NewFake(knftables.IPv4Family, TableName)
	e := running(t, client, nft)
	eventually(t, "enforced", func() bool { return e.Ready() == nil })
	second := pod("x", "both", here, "app=web", "10.244.1.3", "fd00:1::3")
	if _, err := client.CoreV1().Pods("x").Create(t.Context(), second, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told", func() bool { return e.Ready() != nil && strings.Contains(e.Ready().Error(), "family ip6") })
	eventually(t, "enforced for the other", func() bool { return stands(nft, "ingress-pods { 10.244.1.3 :") })
}

// All pods of a cluster are in memory: what a kubelet tells of them must not be.
func TestStrippedObjectsAreSmall(t *testing.T) {
	fields := []meta.ManagedFieldsEntry{{Manager: "kubelet"}}
	notes := map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
	large := policy("p", ingress())
	for _, object := range []meta.Object{pod("x", "web", here, "app=web", "10.244.1.2"), &core.Namespace{}, large} {
		object.SetManagedFields(fields)
		object.SetAnnotations(notes)
		stripped, err := strip(object)
		if err != nil {
			t.Fatal(err)
		}
		kept := stripped.(meta.Object)
		if kept.GetManagedFields() != nil || kept.GetAnnotations() != nil || kept.GetName() != object.GetName() {
			t.Errorf("%T kept %+v", object, kept)
		}
	}
	kept, _ := strip(pod("x", "web", here, "app=web", "10.244.1.2"))
	if again, err := strip(kept); again != kept || err != nil {
		t.Errorf("a second time it is %+v, %v", again, err)
	}
	if got, err := strip(large); err != nil || !slices.Equal(got.(*networking.NetworkPolicy).Spec.PolicyTypes, large.Spec.PolicyTypes) {
		t.Errorf("the policy's spec is %+v, %v", got, err)
	}
}
