package policy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/knftables"

	"kedge/internal/golden"
)

// dump is a plan as commands of nft, made by a kernel's stand-in that refuses
// what refers to nothing.
func dump(t *testing.T, plan Plan) string {
	t.Helper()
	var all strings.Builder
	for _, r := range plan.Rulesets {
		fake := knftables.NewFake(r.Family, TableName)
		if err := NewTable(r.Family, fake, time.Now).Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		all.WriteString(fake.Dump())
	}
	return all.String()
}

// kitchen is a policy with a rule of every kind in both directions.
func kitchen() []*networking.NetworkPolicy {
	in, out := on(port("TCP/http"), port("TCP/8000-8100"), port("UDP/53")), to(block("0.0.0.0/0", "10.0.0.0/8"), block("::/0"))
	in.From = []networking.NetworkPolicyPeer{pods("app=api"), podsIn("app=web", "team=blue"), block("192.0.2.0/24")}
	out.Ports = []networking.NetworkPolicyPort{port("TCP/443"), port("SCTP")}
	everything := policy("everything", ingress(in))
	everything.Spec.PolicyTypes = append(everything.Spec.PolicyTypes, networking.PolicyTypeEgress)
	everything.Spec.Egress = []networking.NetworkPolicyEgressRule{out}
	denial := policy("default-deny", networking.NetworkPolicySpec{PolicyTypes: everything.Spec.PolicyTypes})
	return []*networking.NetworkPolicy{everything, denial}
}

func TestGoldenRulesets(t *testing.T) {
	golden.Compare(t, "testdata/nothing.nft", dump(t, Compile(cluster())))
	golden.Compare(t, "testdata/everything.nft", dump(t, Compile(cluster(kitchen()...))))
}

// kept is a table of IPv4 on a stand-in for the kernel, with a clock to turn.
type kept struct {
	t     *testing.T
	fake  *knftables.Fake
	table *Table
	clock time.Time
}

func keep(t *testing.T) *kept {
	k := &kept{t: t, fake: knftables.NewFake(knftables.IPv4Family, TableName), clock: time.Unix(0, 0)}
	k.restart()
	return k
}

// restart forgets what the process knew; the kernel's rules stay.
func (k *kept) restart() {
	k.table = NewTable(knftables.IPv4Family, k.fake, func() time.Time { return k.clock })
}

// write returns the commands that it took.
func (k *kept) write(s State) string {
	k.t.Helper()
	k.fake.LastTransaction = nil
	if err := k.table.Write(k.t.Context(), Compile(s).Rulesets[0]); err != nil {
		k.t.Fatal(err)
	}
	if k.fake.LastTransaction == nil {
		return ""
	}
	return k.fake.LastTransaction.String()
}

func TestNothingIsWrittenTwice(t *testing.T) {
	k := keep(t)
	k.write(cluster(kitchen()...))
	if got := k.write(cluster(kitchen()...)); got != "" {
		t.Errorf("wrote again:\n%s", got)
	}
}

func TestAPodMoreIsAnElementMore(t *testing.T) {
	k := keep(t)
	s := cluster(policy("p", ingress(from(pods("app=api")))))
	k.write(s)
	s.Pods = append(s.Pods, NewPod(pod("x", "new", "edge-2", "app=api", "10.244.2.9")))
	got := k.write(s)
	if strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "add element ip "+TableName+" peers-") || !strings.HasSuffix(got, " { 10.244.2.9 }\n") {
		t.Errorf("wrote\n%s", got)
	}
	s.Pods = s.Pods[:len(s.Pods)-1]
	if got := k.write(s); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "delete element") {
		t.Errorf("wrote\n%s", got)
	}
}

// What stood before a restart and is not wanted goes; what is wanted never
// leaves, since all happens in one transaction.
func TestARestartPutsEverythingRight(t *testing.T) {
	k := keep(t)
	k.write(cluster(kitchen()...))
	k.restart()
	after := cluster(policy("p", ingress(from(pods("app=api")))))
	if got := k.write(after); strings.Contains(got, "delete table") {
		t.Errorf("the table was away:\n%s", got)
	}
	k.clock = k.clock.Add(patience)
	k.table.Forget()
	k.write(after)
	if got, want := k.fake.Dump(), dump(t, Plan{Rulesets: Compile(after).Rulesets[:1]}); got != want {
		t.Errorf("there is\n%s\nwant\n%s", got, want)
	}
}

// What the chain of a policy says is unknown to a process that starts.
func TestARestartClosesWhatWasOpen(t *testing.T) {
	k := keep(t)
	k.write(cluster(policy("p", ingress(from()))))
	k.restart()
	closed := cluster(policy("p", ingress()))
	k.write(closed)
	if got, want := k.fake.Dump(), dump(t, Plan{Rulesets: Compile(closed).Rulesets[:1]}); got != want {
		t.Errorf("there is\n%s\nwant\n%s", got, want)
	}
}

func TestAFlushedTableComesBack(t *testing.T) {
	k := keep(t)
	s := cluster(kitchen()...)
	k.write(s)
	want := k.fake.Dump()
	if err := remove(t.Context(), k.fake); err != nil {
		t.Fatal(err)
	}
	k.table.Forget()
	k.write(s)
	if got := k.fake.Dump(); got != want {
		t.Errorf("there is\n%s\nwant\n%s", got, want)
	}
}

// Kernels before 6.2 do not let go of a chain at once.
func TestChainsAreEmptiedBeforeTheyGo(t *testing.T) {
	k := keep(t)
	k.write(cluster(policy("p", ingress())))
	k.write(cluster())
	if got := k.fake.Dump(); strings.Contains(got, "add rule ip "+TableName+" ingress-of") || !strings.Contains(got, "ingress-of") {
		t.Errorf("there is\n%s\nwant empty chains", got)
	}
	// Wanted again, and not any more: the time counts anew.
	k.clock = k.clock.Add(patience - 1)
	k.write(cluster(policy("p", ingress())))
	k.write(cluster())
	k.clock = k.clock.Add(1)
	k.write(cluster())
	if got := k.fake.Dump(); !strings.Contains(got, "ingress-of") {
		t.Errorf("there is\n%s\nwant empty chains still", got)
	}
	k.clock = k.clock.Add(patience)
	k.write(cluster())
	if got, want := k.fake.Dump(), dump(t, Plan{Rulesets: Compile(cluster()).Rulesets[:1]}); got != want {
		t.Errorf("there is\n%s\nwant\n%s", got, want)
	}
}

// A table that an older kedge left with other types cannot be changed: it is
// replaced at one stroke.
func TestATableThatCannotBeChangedIsReplaced(t *testing.T) {
	k := keep(t)
	tx := k.fake.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Add(&knftables.Map{Name: ownSet, Type: "ipv4_addr : verdict"})
	if err := k.fake.Run(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	refusing := &refusesFirst{Interface: k.fake}
	k.table.nft = refusing
	s := cluster(policy("p", ingress()))
	if err := k.table.Write(t.Context(), Compile(s).Rulesets[0]); err == nil {
		t.Fatal("the kernel's refusal went unseen")
	}
	if got := k.write(s); !strings.HasPrefix(got, "add table ip "+TableName+"\ndelete table ip "+TableName+"\nadd table ip "+TableName+"\n") {
		t.Errorf("wrote\n%s", got)
	}
	if got, want := k.fake.Dump(), dump(t, Plan{Rulesets: Compile(s).Rulesets[:1]}); got != want {
		t.Errorf("there is\n%s\nwant\n%s", got, want)
	}
}

// refusesFirst refuses one transaction, as a kernel does that finds another type:
// the stand-in does not compare types.
type refusesFirst struct {
	knftables.Interface
	refused bool
}

func (r *refusesFirst) Run(ctx context.Context, tx *knftables.Transaction) error {
	if !r.refused {
		r.refused = true
		return errors.New("File exists")
	}
	return r.Interface.Run(ctx, tx)
}

func TestCleanupLeavesNothing(t *testing.T) {
	k := keep(t)
	k.write(cluster(policy("p", networking.NetworkPolicySpec{PodSelector: meta.LabelSelector{}})))
	for range 2 {
		if err := remove(t.Context(), k.fake); err != nil {
			t.Fatal(err)
		}
		if k.fake.Table != nil {
			t.Errorf("there is\n%s", k.fake.Dump())
		}
	}
}
