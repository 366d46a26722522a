package policy

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pod is what policies can tell of a pod. A cluster's pods are all kept in
// memory, so nothing else is.
type Pod struct {
	// ObjectMeta has name, namespace, labels, version and time of creation.
	meta.ObjectMeta
	Node      string
	Addresses []netip.Addr
	Ports     []NamedPort
}

// NamedPort is a port of a container that policies can call by its name.
type NamedPort struct {
	Name     string
	Protocol core.Protocol
	Number   uint16
}

// NewPod takes what matters out of a pod. One that has ended, or that uses the
// node's own network, has no address of its own.
func NewPod(pod *core.Pod) *Pod {
	taken := &Pod{
		ObjectMeta: meta.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels,
			ResourceVersion: pod.ResourceVersion, CreationTimestamp: pod.CreationTimestamp,
		},
		Node: pod.Spec.NodeName,
	}
	if pod.Spec.HostNetwork || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
		return taken
	}
	taken.Addresses = addresses(pod.Status)
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == core.ContainerRestartPolicyAlways {
			taken.addPorts(container.Ports)
		}
	}
	for _, container := range pod.Spec.Containers {
		taken.addPorts(container.Ports)
	}
	return taken
}

func addresses(status core.PodStatus) []netip.Addr {
	var found []netip.Addr
	for _, ip := range append([]core.PodIP{{IP: status.PodIP}}, status.PodIPs...) {
		if address, err := netip.ParseAddr(ip.IP); err == nil && !slices.Contains(found, address.Unmap()) {
			found = append(found, address.Unmap())
		}
	}
	return found
}

func (p *Pod) addPorts(ports []core.ContainerPort) {
	for _, port := range ports {
		if port.Name == "" || !isPort(int64(port.ContainerPort)) {
			continue
		}
		p.Ports = append(p.Ports, NamedPort{Name: port.Name, Protocol: cmp.Or(port.Protocol, core.ProtocolTCP), Number: uint16(port.ContainerPort)})
	}
}

// isLike reports whether the rules cannot differ for the two.
func (p *Pod) isLike(other *Pod) bool {
	return p.Node == other.Node && p.CreationTimestamp.Equal(&other.CreationTimestamp) &&
		maps.Equal(p.Labels, other.Labels) && slices.Equal(p.Addresses, other.Addresses) && slices.Equal(p.Ports, other.Ports)
}

// endpoint is a pod with the addresses that are its own in one address family.
type endpoint struct {
	pod       *Pod
	addresses []netip.Addr
}

// endpoints are the pods that have an address in the family, by namespace and
// name. Where two pods claim one, the one that was made last has it: the other
// is on its way out, and its policies must not be the new one's.
func endpoints(pods []*Pod, f family) []endpoint {
	owners := make(map[netip.Addr]*Pod)
	for _, pod := range pods {
		for _, address := range pod.Addresses {
			if owner, taken := owners[address]; !taken || compareAge(owner, pod) < 0 {
				owners[address] = pod
			}
		}
	}
	var found []endpoint
	for _, pod := range slices.SortedFunc(slices.Values(pods), compareNames) {
		own := slices.DeleteFunc(slices.Clone(pod.Addresses), func(a netip.Addr) bool { return owners[a] != pod || !f.has(a) })
		if len(own) > 0 {
			found = append(found, endpoint{pod: pod, addresses: own})
		}
	}
	return found
}

func compareNames(a, b *Pod) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func compareAge(a, b *Pod) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), compareNames(a, b))
}
