package multicall

import (
	"slices"
	"testing"
)

func table(t *testing.T) Table {
	t.Helper()
	never := func([]string) int {
		t.Error("resolving must not run a program")
		return 0
	}
	made, err := NewTable(
		[]Program{{Name: "kubelet", Main: never}},
		[]Program{{Name: "kine", Main: never}, {Name: "etcd", Main: never}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		name     string
		argv     []string
		want     string // the program; empty when the command line is kedge's own
		wantArgv []string
	}{
		{"subcommand", []string{"kedge", "kubelet", "--v=2"}, "kubelet", []string{"kubelet", "--v=2"}},
		{"subcommand through a path", []string{"/usr/bin/kedge", "etcd"}, "etcd", []string{"etcd"}},
		{"link", []string{"kubelet", "--v=2"}, "kubelet", []string{"kubelet", "--v=2"}},
		{"link through a path", []string{"/opt/bin/kine", "--debug"}, "kine", []string{"kine", "--debug"}},
		{"a link's argument is not a subcommand", []string{"kine", "etcd"}, "kine", []string{"kine", "etcd"}},
		{"a link's own help command", []string{"kine", "help", "etcd"}, "kine", []string{"kine", "help", "etcd"}},
		{"arguments stay as they are", []string{"kedge", "kine", "kine", "--", "-x", ""}, "kine", []string{"kine", "kine", "--", "-x", ""}},
		{"renamed executable", []string{"kedge-v1.2.3-armv7", "kubelet"}, "kubelet", []string{"kubelet"}},
		{"help of a component", []string{"kedge", "help", "kubelet"}, "kubelet", []string{"kubelet", "--help"}},
		{"help of a component's command", []string{"kedge", "help", "etcd", "gateway"}, "etcd", []string{"etcd", "gateway", "--help"}},
		{"help of a command", []string{"kedge", "help", "version"}, "", nil},
		{"help", []string{"kedge", "help"}, "", nil},
		{"own command", []string{"kedge", "version"}, "", nil},
		{"unknown", []string{"kedge", "kubelte"}, "", nil},
		{"flag before the component", []string{"kedge", "--help", "kubelet"}, "", nil},
		{"names are exact", []string{"kedge", "Kubelet"}, "", nil},
		{"nothing", []string{"kedge"}, "", nil},
		{"no argument list at all", nil, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			given := slices.Clone(test.argv)
			program, argv, ok := table(t).Resolve(test.argv)
			if program.Name != test.want || ok != (test.want != "") {
				t.Errorf("Resolve(%q) = %q, %v; want %q", test.argv, program.Name, ok, test.want)
			}
			if !slices.Equal(argv, test.wantArgv) {
				t.Errorf("Resolve(%q) argv = %q; want %q", test.argv, argv, test.wantArgv)
			}
			if !slices.Equal(test.argv, given) {
				t.Errorf("Resolve changed its argument to %q", test.argv)
			}
		})
	}
}

func TestTableRefusesOneNameTwice(t *testing.T) {
	if _, err := NewTable([]Program{{Name: "kine"}}, []Program{{Name: "kine"}}); err == nil {
		t.Error("NewTable accepted two programs named kine")
	}
}

func TestProgramsKeepTheirOrder(t *testing.T) {
	var names []string
	for _, program := range table(t).Programs() {
		names = append(names, program.Name)
	}
	if want := []string{"kubelet", "kine", "etcd"}; !slices.Equal(names, want) {
		t.Errorf("Programs() = %q; want %q", names, want)
	}
}

func TestAbsentPrograms(t *testing.T) {
	made, err := NewTable([]Program{{Name: "kubelet"}}, Absent("kine", "etcd"))
	if err != nil {
		t.Fatal(err)
	}
	if programs := made.Programs(); len(programs) != 1 || programs[0].Name != "kubelet" {
		t.Errorf("Programs() = %+v; want the kubelet alone", programs)
	}
	for _, argv := range [][]string{{"kedge", "etcd", "--name=a"}, {"/usr/bin/etcd", "--name=a"}, {"kedge", "help", "etcd"}} {
		program, _, ok := made.Resolve(argv)
		if !ok || program.Name != "etcd" || !program.Absent {
			t.Errorf("Resolve(%q) = %+v, %v; want etcd, absent", argv, program, ok)
		}
	}
	if program, _, ok := made.Resolve([]string{"kedge", "kubelet"}); !ok || program.Absent {
		t.Errorf("Resolve finds kubelet %+v, %v; want it present", program, ok)
	}
	if _, err := NewTable([]Program{{Name: "kine"}}, Absent("kine")); err == nil {
		t.Error("NewTable accepted a program that is there and absent")
	}
}
