package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"kedge/internal/golden"
)

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// story is a plan and what happens meanwhile: one look at the cluster after the other.
type story struct {
	name  string
	plans []Plan
	nodes []core.Node
	steps []step
}

// step changes something, and so much later somebody looks.
type step struct {
	what   string
	later  time.Duration
	change func(w *world)
}

type world struct {
	plans []Plan
	nodes Nodes
}

func (w *world) says(node string, phase Phase, message string) {
	is := w.nodes[node]
	order, err := Annotations(is.Annotations).Order()
	if err != nil || order.ID == "" {
		panic(node + " was told nothing")
	}
	text, err := json.Marshal(Progress{Order: order.ID, Phase: phase, Message: message})
	if err != nil {
		panic(err)
	}
	is.Annotations[ProgressAnnotation] = string(text)
	w.nodes[node] = is
}

func (w *world) ready(node string, status core.ConditionStatus) {
	is := w.nodes[node]
	is.Status.Conditions = []core.NodeCondition{{Type: core.NodeReady, Status: status}}
	w.nodes[node] = is
}

func node(name, arch string) core.Node {
	return core.Node{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"site": "mill"}, Annotations: map[string]string{}},
		Status: core.NodeStatus{
			NodeInfo:   core.NodeSystemInfo{OperatingSystem: "linux", Architecture: arch},
			Conditions: []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue}},
		},
	}
}

func three() []core.Node {
	return []core.Node{node("a", "amd64"), node("b", "arm"), node("c", "amd64")}
}

func made(name string, age int, edit func(*Plan), commands ...KedgeUpdate) Plan {
	p := Plan{ObjectMeta: meta.ObjectMeta{Name: name, UID: types.UID("uid-" + name), CreationTimestamp: meta.NewTime(began.Add(time.Duration(age) * time.Second))}}
	for _, command := range commands {
		p.Spec.Commands = append(p.Spec.Commands, Command{KedgeUpdate: command})
	}
	if edit != nil {
		edit(&p)
	}
	return p
}

func update(version string, concurrent int, discovery Discovery) KedgeUpdate {
	return KedgeUpdate{
		Version:   version,
		Platforms: map[string]Artifact{"linux-amd64": {URL: "kedge-amd64"}, "linux-arm": {URL: "kedge-arm"}},
		Targets:   Targets{Workers: Target{Discovery: discovery, Limits: Limits{Concurrent: concurrent}}},
	}
}

func all() Discovery { return Discovery{Selector: &Selector{}} }

func only(names ...string) Discovery { return Discovery{Static: &Static{Nodes: names}} }

func none(*world) {}

func done(nodes ...string) func(*world) {
	return func(w *world) {
		for _, node := range nodes {
			w.says(node, Done, "")
		}
	}
}

func stories() []story {
	one := []Plan{made("p", 0, nil, update("v2", 0, all()))}
	return []story{
		{"one at a time", one, three(), []step{
			{"it begins", 0, none},
			{"nothing new", time.Second, none},
			{"a says that it is done", time.Second, done("a")},
			{"b tries", time.Second, func(w *world) { w.says("b", Trying, "") }},
			{"b is done, and not Ready", time.Second, func(w *world) { w.says("b", Done, ""); w.ready("b", core.ConditionFalse) }},
			{"b is Ready", time.Second, func(w *world) { w.ready("b", core.ConditionTrue) }},
			{"c is done", time.Second, done("c")},
		}},
		{"two at once, two commands", []Plan{made("p", 0, nil, update("v2", 2, all()), update("v3", 0, only("b")))}, three(), []step{
			{"it begins", 0, none},
			{"a is done", time.Second, done("a")},
			{"b and c are done", time.Second, done("b", "c")},
			{"b is done", time.Second, done("b")},
		}},
		{"a node that cannot stops it", []Plan{made("p", 0, nil, update("v2", 2, all()))}, three(), []step{
			{"it begins", 0, none},
			{"a went back", time.Second, func(w *world) { w.says("a", Failed, "v2 did not work: it crashed") }},
			{"b is done all the same", time.Second, none},
		}},
		{"a node that never returns", one, three(), []step{
			{"it begins", 0, none},
			{"a tries and is gone", time.Second, func(w *world) { w.says("a", Trying, ""); w.ready("a", core.ConditionUnknown) }},
			{"half an hour", 30 * time.Minute, none},
		}},
		{"a node that never answers", one, three(), []step{{"it begins", 0, none}, {"more than half an hour", 31 * time.Minute, none}}},
		{"what was said of another order is nothing", one, three(), []step{
			{"it begins", 0, none},
			{"a tells of yesterday", time.Second, func(w *world) {
				w.nodes["a"].Annotations[ProgressAnnotation] = `{"order":"uid-old/0","phase":"Failed"}`
			}},
			{"a tells nonsense", time.Second, func(w *world) { w.nodes["a"].Annotations[ProgressAnnotation] = `[]` }},
		}},
		{"nodes that are away have their turn later", one, three(), []step{
			{"a is not Ready", 0, func(w *world) { w.ready("a", core.ConditionFalse) }},
			{"b is done", time.Second, done("b")},
			{"c is done", time.Second, done("c")},
			{"a is back", time.Hour, func(w *world) { w.ready("a", core.ConditionTrue) }},
			{"a is done", time.Second, done("a")},
		}},
		{"nobody follows a node that is not well", one, three(), []step{
			{"it begins", 0, none},
			{"a is done and b begins", time.Second, done("a")},
			{"b is done, a is not Ready any more", time.Second, func(w *world) { w.says("b", Done, ""); w.ready("a", core.ConditionFalse) }},
			{"a is back", time.Second, func(w *world) { w.ready("a", core.ConditionTrue) }},
		}},
		{"pause", one, three(), []step{
			{"it begins", 0, none},
			{"paused while a is under way", time.Second, func(w *world) { w.plans[0].Spec.Paused = true }},
			{"a is done", time.Second, done("a")},
			{"on", time.Second, func(w *world) { w.plans[0].Spec.Paused = false }},
		}},
		{"abort", one, three(), []step{
			{"it begins", 0, none},
			{"aborted", time.Second, func(w *world) { w.plans[0].Spec.Aborted = true }},
			{"taken back", time.Second, func(w *world) { w.plans[0].Spec.Aborted = false }},
		}},
		{"a node that is removed before its turn", one, three(), []step{
			{"it begins", 0, none},
			{"b and c are removed", time.Second, func(w *world) { delete(w.nodes, "b"); delete(w.nodes, "c") }},
			{"a is done", time.Second, done("a")},
		}},
		{"what cannot be is told at once", []Plan{made("p", 0, nil, update("v2", 0, only("a", "z", "x")), KedgeUpdate{
			Version: "v3", Platforms: map[string]Artifact{"linux-riscv64": {URL: "u"}},
			Targets: Targets{Workers: Target{Discovery: Discovery{Selector: &Selector{Labels: "site=mill", Fields: "metadata.name=b"}}}},
		}, update("v4", 0, Discovery{Selector: &Selector{Labels: "a in", Fields: "spec.unschedulable=true"}}), update("v5", 0, Discovery{Selector: &Selector{Labels: "no=body"}}))}, three(), []step{{"it begins", 0, none}, {"once more", time.Second, none}}},
		{"two plans", []Plan{made("later", 1, nil, update("v3", 0, only("a"))), made("first", 0, nil, update("v2", 0, only("a")))}, three(), []step{
			{"they begin", 0, none},
			{"a is done", time.Second, done("a")},
			{"the other one", time.Second, none},
			{"a is done", time.Second, done("a")},
		}},
		{"a plan that failed holds others back", []Plan{made("later", 1, nil, update("v3", 0, only("b"))), made("first", 0, nil, update("v2", 0, only("a")))}, three(), []step{
			{"they begin", 0, none},
			{"a cannot", time.Second, func(w *world) { w.says("a", Failed, "its signature is refused") }},
			{"nothing new", time.Second, none},
			{"it is deleted", time.Second, func(w *world) { w.plans = w.plans[:1] }},
		}},
	}
}

// TestStories tells, look by look, what follows; people have read it.
func TestStories(t *testing.T) {
	var told strings.Builder
	for _, s := range stories() {
		fmt.Fprintf(&told, "# %s\n", s.name)
		w := &world{plans: slices.Clone(s.plans), nodes: make(Nodes)}
		for _, node := range s.nodes {
			w.nodes[node.Name] = node
		}
		now := began
		for _, step := range s.steps {
			now = now.Add(step.later)
			step.change(w)
			outcome := Reconcile(w.plans, w.nodes, now)
			w.take(t, outcome)
			fmt.Fprintf(&told, "%s\n", step.what)
			w.tell(&told)
			if again := Reconcile(w.plans, w.nodes, now); fmt.Sprint(again.Orders) != fmt.Sprint(outcome.Orders) {
				t.Errorf("%s, %s: looked at once more, %v follows, not %v", s.name, step.what, again.Orders, outcome.Orders)
			}
		}
		told.WriteString("\n")
	}
	golden.Compare(t, "testdata/stories.golden", told.String())
}

// take writes what followed as the controller does: through what the API server keeps.
func (w *world) take(t *testing.T, outcome Outcome) {
	t.Helper()
	for i, p := range w.plans {
		object := &unstructured.Unstructured{Object: map[string]any{}}
		if err := outcome.Status[p.Name].Put(object); err != nil {
			t.Fatal(err)
		}
		read, err := Read(object)
		if err != nil {
			t.Fatal(err)
		}
		w.plans[i].Status = read.Status
	}
	for name, node := range w.nodes {
		delete(node.Annotations, OrderAnnotation)
		if order, is := outcome.Orders[name]; is {
			text, err := json.Marshal(order)
			if err != nil {
				t.Fatal(err)
			}
			node.Annotations[OrderAnnotation] = string(text)
		}
	}
}

func (w *world) tell(out *strings.Builder) {
	for _, p := range w.plans {
		fmt.Fprintf(out, "    %s: %s", p.Name, p.Status.State)
		if p.Status.Message != "" {
			fmt.Fprintf(out, " (%s)", p.Status.Message)
		}
		out.WriteString("\n")
		for _, command := range p.Status.Commands {
			fmt.Fprintf(out, "      %d %s:", command.ID, command.State)
			for _, node := range command.KedgeUpdate.Workers {
				fmt.Fprintf(out, " %s=%s", node.Name, node.State)
			}
			out.WriteString("\n")
		}
	}
	var names []string
	for name := range w.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if order, _ := Annotations(w.nodes[name].Annotations).Order(); order.ID != "" {
			fmt.Fprintf(out, "      -> %s: %s from %s (%s)\n", name, order.Version, order.URL, order.ID)
		}
	}
}
