package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"kedge/internal/sysinfo"
	"kedge/internal/version"
)

// sample is a small kedge file; see tests/contracts/payload.
func sample(name string) string {
	return filepath.Join("..", "..", "..", "tests", "contracts", "payload", "samples", name)
}

// native is the sample whose helpers this machine could start.
func native() string {
	return sample("good-" + map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armv7"}[runtime.GOARCH])
}

func TestPayloadList(t *testing.T) {
	got := run(t, "payload", "list", "--file", sample("good-armv7"))
	wantParts(t, "stdout", got.stdout, []string{"for armv7", "bin/runc", "400", "cni/bridge", "-> ../bin/cni", "runc  v1.5.2"})
	if got.code != 0 || got.stderr != "" {
		t.Errorf("%+v", got)
	}
}

func TestPayloadListJSON(t *testing.T) {
	got := run(t, "payload", "list", "-o", "json", "--file", sample("good-arm64"))
	var report payloadReport
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if report.State != "present" || report.Arch != "arm64" || report.ID != report.Digest[:16] || report.Versions["cni"] != "v1.9.1" {
		t.Errorf("report = %+v", report)
	}
	at := slices.IndexFunc(report.Files, func(f payloadFile) bool { return f.Path == "bin/runc" })
	if at < 0 || report.Files[at].Mode != "0755" || report.Files[at].Size != 400 || report.Files[at].Compressed < 10 || len(report.Files[at].SHA256) != 64 {
		t.Errorf("files = %+v", report.Files)
	}
}

// The executable of this test is a development build.
func TestADevelopmentBuildHasNoPayload(t *testing.T) {
	got := run(t, "payload", "list")
	if got.code != 0 || !strings.Contains(got.stdout, "carries no helpers; it is a plain development build") {
		t.Errorf("%+v", got)
	}
	got = run(t, "payload", "list", "-o", "json")
	if got.code != 0 || !strings.Contains(got.stdout, `"state": "absent"`) || !strings.Contains(got.stdout, `"files": []`) {
		t.Errorf("%+v", got)
	}
	for _, command := range []string{"verify", "unpack", "prune"} {
		got := run(t, "payload", command, "--data-dir", t.TempDir())
		if got.code != 1 || !strings.Contains(got.stderr, "carries no helpers") || !strings.Contains(got.stderr, "builderw make") {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestPayloadUnpackVerifyRepair(t *testing.T) {
	dataDir := t.TempDir()
	got := run(t, "payload", "verify", "--file", native())
	if got.code != 0 || !strings.Contains(got.stdout, "6 files are as they should be") {
		t.Errorf("verify of the file alone: %+v", got)
	}
	if got := run(t, "payload", "verify", "--file", native(), "--data-dir", dataDir); got.code != 1 || !strings.Contains(got.stderr, "kedge payload unpack") {
		t.Errorf("verify before unpacking: %+v", got)
	}
	got = run(t, "payload", "unpack", "--file", native(), "--data-dir", dataDir)
	root := strings.TrimSpace(got.stdout)
	if got.code != 0 || filepath.Dir(root) != filepath.Join(dataDir, "helpers") {
		t.Fatalf("unpack: %+v", got)
	}
	if got := run(t, "payload", "verify", "--file", native(), "--data-dir", dataDir); got.code != 0 {
		t.Errorf("verify: %+v", got)
	}
	runc := filepath.Join(root, "bin", "runc")
	whole, err := os.ReadFile(runc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(runc, bytes.ToUpper(whole), 0o755); err != nil {
		t.Fatal(err)
	}
	got = run(t, "payload", "verify", "--file", native(), "--data-dir", dataDir)
	if got.code != 1 || !strings.Contains(got.stderr, "bin/runc has another content") || !strings.Contains(got.stderr, "'kedge payload unpack' repairs") {
		t.Errorf("verify of damage: %+v", got)
	}
	got = run(t, "payload", "unpack", "--file", native(), "--data-dir", dataDir)
	if after, err := os.ReadFile(runc); got.code != 0 || err != nil || !bytes.Equal(after, whole) || !strings.Contains(got.stderr, "bin/runc has another content") {
		t.Errorf("repair: %+v, %v", got, err)
	}
}

func TestPayloadUnpackTo(t *testing.T) {
	to := filepath.Join(t.TempDir(), "helpers")
	if got := run(t, "payload", "unpack", "--file", sample("good-armv7"), "--to", to); got.code != 0 || got.stdout != to+"\n" {
		t.Errorf("%+v", got)
	}
	if info, err := os.Stat(filepath.Join(to, "cni", "bridge")); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	if got := run(t, "payload", "unpack", "--file", sample("good-armv7"), "--to", to); got.code != 1 || !strings.Contains(got.stderr, "already exists") {
		t.Errorf("again: %+v", got)
	}
}

func TestPayloadUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"payload", "nonsense"}, 2, `unknown payload command "nonsense"`},
		{[]string{"payload", "list", "x"}, 2, `list takes no argument, got "x"`},
		{[]string{"payload", "list", "-o", "yaml"}, 2, `unknown output format "yaml"`},
		{[]string{"payload", "unpack", "--to", "a", "--data-dir", "b"}, 2, "exclude each other"},
		{[]string{"payload", "prune", "--file", "x"}, 2, "unknown flag: --file"},
		{[]string{"payload", "list", "--file", sample("script")}, 1, "is not an ELF executable"},
		{[]string{"payload", "list", "--file", sample("cut-in-footer")}, 1, "fetch the file again"},
		{[]string{"payload", "verify", "--file", sample("content-bit")}, 1, "damaged at bin/runc"},
		{[]string{"payload", "list", "--file", "/nowhere"}, 1, "no such file"},
		{[]string{"paylaod"}, 2, "Did you mean 'payload'?"},
		{[]string{"sysinfo", "--role", "queen"}, 2, `unknown role "queen"`},
		{[]string{"sysinfo", "-o", "yaml"}, 2, `unknown output format "yaml"`},
		{[]string{"sysinfo", "x"}, 2, `sysinfo takes no argument, got "x"`},
		{[]string{"sysinof"}, 2, "Did you mean 'sysinfo'?"},
	} {
		if got := run(t, test.args...); got.code != test.code || !strings.Contains(got.stderr, test.says) || got.stdout != "" {
			t.Errorf("%v: %+v; want %d and %q", test.args, got, test.code, test.says)
		}
	}
}

func TestSysinfoTellsByItsExitCode(t *testing.T) {
	results := []sysinfo.Result{
		{Name: "clock", For: "certificates", Need: sysinfo.Required, Verdict: sysinfo.Pass, Found: "now"},
		{Name: "swap", For: "speed", Need: sysinfo.Recommended, Verdict: sysinfo.Warning, Found: "/dev/sda", ToDo: "turn it off"},
	}
	var out bytes.Buffer
	if err := reportSysinfo(&out, sysinfo.Report{Role: sysinfo.Worker, Results: results}, ""); err != nil {
		t.Error(err)
	}
	want := "pass     clock  now\nwarning  swap   /dev/sda (recommended for speed): turn it off\n\n1 passed, 0 notes, 1 warnings, 0 rejected\n"
	if out.String() != want {
		t.Errorf("%q; want %q", out.String(), want)
	}
	results = append(results, sysinfo.Result{Name: "memory", Verdict: sysinfo.Rejected})
	out.Reset()
	err := reportSysinfo(&out, sysinfo.Report{Role: sysinfo.Worker, Results: results}, "json")
	if err == nil || !strings.Contains(err.Error(), "cannot be a worker: 1 of the checks") {
		t.Errorf("error is %v", err)
	}
	var report sysinfo.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || len(report.Results) != 3 {
		t.Errorf("%v in %s", err, out.String())
	}
}

func TestTheClockIsJudgedByTheBuildsDate(t *testing.T) {
	for date, year := range map[string]int{"2031-02-03T04:05:06Z": 2031, "": 1, "yesterday": 1} {
		if got := buildDate(Env{Build: version.Build{Date: date}}); got.Year() != year {
			t.Errorf("%q: %v", date, got)
		}
	}
}

// Whatever this machine is, its report says so and the exit code agrees.
func TestSysinfoOfThisMachine(t *testing.T) {
	for _, role := range []string{"controller", "worker", "single"} {
		got := run(t, "sysinfo", "--role", role, "-o", "json", "--data-dir", t.TempDir())
		var report sysinfo.Report
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
			t.Fatal(err)
		}
		if rejected := report.Count(sysinfo.Rejected) > 0; rejected != (got.code == 1) || string(report.Role) != role {
			t.Errorf("%s: exit code %d, %d rejected", role, got.code, report.Count(sysinfo.Rejected))
		}
	}
}
