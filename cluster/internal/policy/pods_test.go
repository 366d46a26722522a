package policy

import (
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPodsWithoutAnAddressOfTheirOwn(t *testing.T) {
	for name, change := range map[string]func(*core.Pod){
		"succeeded":         func(p *core.Pod) { p.Status.Phase = core.PodSucceeded },
		"failed":            func(p *core.Pod) { p.Status.Phase = core.PodFailed },
		"the node's":        func(p *core.Pod) { p.Spec.HostNetwork = true },
		"not one yet":       func(p *core.Pod) { p.Status.PodIPs = nil },
		"one that is no IP": func(p *core.Pod) { p.Status.PodIPs = []core.PodIP{{IP: "0.0.0.0/0"}} },
	} {
		t.Run(name, func(t *testing.T) {
			changed := pod("x", "web", here, "app=web", "10.244.1.2")
			change(changed)
			if got := NewPod(changed).Addresses; len(got) > 0 {
				t.Errorf("addresses = %v", got)
			}
		})
	}
}

func TestPortsOfSidecarsCount(t *testing.T) {
	always := core.ContainerRestartPolicyAlways
	p := pod("x", "web", here, "app=web", "10.244.1.2")
	p.Spec.InitContainers = []core.Container{
		{RestartPolicy: &always, Ports: []core.ContainerPort{{Name: "metrics", ContainerPort: 9090}}},
		{Ports: []core.ContainerPort{{Name: "setup", ContainerPort: 9091}}},
	}
	var names []string
	for _, port := range NewPod(p).Ports {
		names = append(names, port.Name)
	}
	if len(names) != 3 || names[0] != "metrics" {
		t.Errorf("ports = %q; want metrics and those of the container", names)
	}
}

// An address goes from a pod that is on its way out to one that has just come.
func TestTheNewestPodHasTheAddress(t *testing.T) {
	older, newer := pod("x", "web", here, "app=web", "10.244.1.2"), pod("y", "new", here, "", "10.244.1.2")
	older.CreationTimestamp = meta.NewTime(time.Unix(1, 0))
	newer.CreationTimestamp = meta.NewTime(time.Unix(2, 0))
	for _, pods := range [][]*Pod{{NewPod(older), NewPod(newer)}, {NewPod(newer), NewPod(older)}} {
		found := endpoints(pods, ipv4())
		if len(found) != 1 || found[0].pod.Name != "new" {
			t.Errorf("endpoints = %+v", found)
		}
	}
}

func TestUpdatesThatMatter(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*core.Pod)
		want   bool
	}{
		"a report of the kubelet": {func(p *core.Pod) { p.ResourceVersion, p.Status.Phase = "2", core.PodRunning }, true},
		"labels":                  {func(p *core.Pod) { p.Labels = map[string]string{"app": "api"} }, false},
		"an address":              {func(p *core.Pod) { p.Status.PodIPs = nil }, false},
		"the end":                 {func(p *core.Pod) { p.Status.Phase = core.PodFailed }, false},
		"a node":                  {func(p *core.Pod) { p.Spec.NodeName = "edge-2" }, false},
		"another by its name":     {func(p *core.Pod) { p.CreationTimestamp = meta.NewTime(time.Unix(9, 0)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := pod("x", "web", here, "app=web", "10.244.1.2")
			test.change(changed)
			if got := isLike(NewPod(pod("x", "web", here, "app=web", "10.244.1.2")), NewPod(changed)); got != test.want {
				t.Errorf("isLike = %v; want %v", got, test.want)
			}
		})
	}
}

// An update may be of another object by the same name, where a watch was cut.
func TestUpdatesOfPoliciesAndNamespaces(t *testing.T) {
	same, changed, another := policy("p", ingress()), policy("p", ingress()), policy("p", ingress())
	same.ResourceVersion, changed.Generation, another.UID = "2", 2, "another"
	for name, test := range map[string]struct {
		after any
		want  bool
	}{
		"labels alone": {same, true}, "rules": {changed, false}, "another policy": {another, false},
	} {
		if got := isLike(policy("p", ingress()), test.after); got != test.want {
			t.Errorf("%s: isLike = %v", name, got)
		}
	}
	red, blue := &core.Namespace{}, &core.Namespace{}
	blue.Labels = map[string]string{"team": "blue"}
	if !isLike(red, &core.Namespace{}) || isLike(red, blue) {
		t.Error("namespaces are told apart by something else than labels")
	}
}
