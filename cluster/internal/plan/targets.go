package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// Nodes are those of the cluster, by name.
type Nodes map[string]core.Node

// platform is how a plan names what a node is.
func platform(node core.Node) string {
	return node.Status.NodeInfo.OperatingSystem + "-" + node.Status.NodeInfo.Architecture
}

func isReady(node core.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c core.NodeCondition) bool {
		return c.Type == core.NodeReady && c.Status == core.ConditionTrue
	})
}

// resolve finds the nodes that a command is for, and everything that speaks against it.
func (u KedgeUpdate) resolve(nodes Nodes, now meta.Time) (found []NodeStatus, problems []string) {
	names, problems := u.Targets.Workers.Discovery.find(nodes)
	for _, name := range names {
		node, is := nodes[name]
		if !is {
			problems = append(problems, fmt.Sprintf("there is no node %s", name))
			continue
		}
		if _, has := u.Platforms[platform(node)]; !has {
			problems = append(problems, fmt.Sprintf("there is nothing for %s, which is %s", name, platform(node)))
		}
		found = append(found, NodeStatus{Name: name, State: SignalPending, Updated: now})
	}
	if len(names) == 0 && len(problems) == 0 {
		problems = []string{"no node is meant"}
	}
	return found, problems
}

func (d Discovery) find(nodes Nodes) (names, problems []string) {
	if d.Static != nil {
		names = slices.Clone(d.Static.Nodes)
	}
	if d.Selector != nil {
		byLabels, err := labels.Parse(d.Selector.Labels)
		if err != nil {
			problems = append(problems, "the selector of labels: "+err.Error())
		}
		byFields, err := fields.ParseSelector(d.Selector.Fields)
		if err == nil {
			err = onlyNames(byFields)
		}
		if err != nil {
			problems = append(problems, "the selector of fields: "+err.Error())
		}
		if len(problems) > 0 {
			return nil, problems
		}
		for name, node := range nodes {
			if byLabels.Matches(labels.Set(node.Labels)) && byFields.Matches(fields.Set{nameField: name}) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

const nameField = "metadata.name"

func onlyNames(selector fields.Selector) error {
	for _, requirement := range selector.Requirements() {
		if requirement.Field != nameField {
			return fmt.Errorf("%q is not known; %s is", requirement.Field, nameField)
		}
	}
	return nil
}

// order is what a node is told.
func (u KedgeUpdate) order(id string, node core.Node) Order {
	return Order{
		ID: id, Version: u.Version, Artifact: u.Platforms[platform(node)],
		ReadyWithin: orDefault(u.ReadyWithin, defaultReadyWithin), Bandwidth: u.Bandwidth,
	}
}

func sorted(plans []Plan) []Plan {
	return slices.SortedFunc(slices.Values(plans), func(a, b Plan) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
}
