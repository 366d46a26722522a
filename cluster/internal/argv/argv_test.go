package argv

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kedge/internal/golden"
	"kedge/internal/layout"
)

func testCluster() Cluster {
	return Cluster{
		Address: netip.MustParseAddr("192.0.2.10"), Port: 6443, AgentPort: 8132, AdminPort: 8133,
		Pods:     []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")},
		Services: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
		NotReady: 24 * time.Hour, Unreachable: 12 * time.Hour, Storage: KineStorage, Tunnel: true, Ports: DefaultPorts(),
	}
}

// TestCommandLines compares whole command lines. With UPDATE_GOLDEN set it
// writes what the functions make now.
func TestCommandLines(t *testing.T) {
	etcd := testCluster()
	etcd.Storage = EtcdStorage
	postgres := testCluster()
	postgres.Database = Database{DataSource: "postgres://kedge:secret@db.example/kedge", CAFile: "/etc/kedge/db.crt"}
	apart := testCluster()
	apart.SeparateStores = true
	alone := testCluster()
	alone.Tunnel = false
	audited := testCluster()
	audited.ExtraArgs = map[string]map[string]string{KubeAPIServer: {"audit-log-path": "/var/log/audit.log", "audit-log-maxbackup": "9"}}
	issued := testCluster()
	issued.Issued = []string{"ca", "client-ca"}
	custom := testCluster()
	custom.FeatureGates = map[string]map[string]bool{KubeAPIServer: {"UnknownVersionInteroperabilityProxy": true, "A": false}}
	custom.ExtraArgs = map[string]map[string]string{KubeAPIServer: {"profiling": "true", "v": "4"}, KubeScheduler: {"v": "6"}}
	for name, test := range map[string]struct {
		make    func(Cluster, layout.Layout) []string
		cluster Cluster
	}{
		"kine":                           {KineArgs, testCluster()},
		"kine-postgres":                  {KineArgs, postgres},
		"kine-apart":                     {KineArgs, apart},
		"kine-volatile":                  {VolatileKineArgs, testCluster()},
		"etcd":                           {EtcdArgs, testCluster()},
		"kube-apiserver":                 {KubeAPIServerArgs, testCluster()},
		"kube-apiserver-etcd":            {KubeAPIServerArgs, etcd},
		"kube-apiserver-without-tunnel":  {KubeAPIServerArgs, alone},
		"kube-apiserver-audited":         {KubeAPIServerArgs, audited},
		"kube-apiserver-custom":          {KubeAPIServerArgs, custom},
		"kube-controller-manager":        {KubeControllerManagerArgs, testCluster()},
		"kube-controller-manager-issued": {KubeControllerManagerArgs, issued},
		"kube-scheduler":                 {KubeSchedulerArgs, testCluster()},
		"kube-scheduler-custom":          {KubeSchedulerArgs, custom},
		"konnectivity-server":            {KonnectivityServerArgs, testCluster()},
		"metrics-server":                 {MetricsServerArgs, testCluster()},
	} {
		t.Run(name, func(t *testing.T) {
			l := layout.Layout{DataDir: layout.DefaultDataDir, RunDir: layout.DefaultRunDir}
			got := strings.Join(test.make(test.cluster, l), "\n") + "\n"
			golden.Compare(t, filepath.Join("testdata", name+".golden"), got)
		})
	}
}

func TestRestoreSnapshotArgs(t *testing.T) {
	got := strings.Join(RestoreSnapshotArgs("/b/snapshot.db", "/d/etcd"), "\n") + "\n"
	golden.Compare(t, filepath.Join("testdata", "etcdutl.golden"), got)
}

func TestPasswordIsNoArgument(t *testing.T) {
	c := testCluster()
	c.Database.DataSource = "mysql://kedge:secret@tcp(db.example)/kedge"
	if args := KineArgs(c, layout.Layout{DataDir: "/d", RunDir: "/r"}); strings.Contains(strings.Join(args, " "), "secret") {
		t.Errorf("arguments = %q", args)
	}
	if env := KineEnv(c); !slices.Equal(env, []string{"KINE_ENDPOINT=" + c.Database.DataSource}) {
		t.Errorf("environment = %q", env)
	}
}

func TestUsersArgumentsReplaceKedges(t *testing.T) {
	c := testCluster()
	c.ExtraArgs = map[string]map[string]string{Kine: {"metrics-bind-address": ":9000"}}
	c.SeparateStores = true
	args := KineArgs(c, layout.Layout{DataDir: "/d", RunDir: "/r"})
	if !slices.Contains(args, "--metrics-bind-address=:9000") || slices.Contains(args, "--metrics-bind-address=0") {
		t.Errorf("arguments = %q", args)
	}
}
