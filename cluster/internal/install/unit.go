// Package install makes kedge a service of the machine's init system.
package install

import (
	"strings"
	"text/template"
)

// Service is what runs as a service.
type Service struct {
	// Role is controller, worker or single.
	Role       string
	Executable string
	// Args are the arguments behind the executable's name.
	Args []string
	// Stop is how kedge is asked to end, in seconds until it is made to.
	StopSeconds int
	// PodsGoOn says that the service starts processes that outlive it.
	PodsGoOn bool
}

// Name is the service's, as users know it.
func (s Service) Name() string { return "kedge" + s.Role }

// systemdUnit starts after the network, tells systemd when it is ready and that
// it still is, and is started again whatever happens. Nothing of a controller
// outlives it; of a worker, its pods do.
const systemdUnit = `[Unit]
Description=Kubernetes in one executable: {{.Role}}
Documentation=https://kubernetes.io/docs/
After=network-online.target
Wants=network-online.target
ConditionFileIsExecutable={{specifier .Executable}}
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={{quote .Executable}}{{range .Args}} {{quote .}}{{end}}
Restart=always
RestartSec=10
TimeoutStartSec=0
TimeoutStopSec={{.StopSeconds}}
WatchdogSec=300
KillMode={{if .PodsGoOn}}process{{else}}mixed{{end}}
Delegate=yes
TasksMax=infinity
LimitCORE=infinity
LimitNOFILE=999999

[Install]
WantedBy=multi-user.target
`

// openRCScript lets OpenRC's own supervisor start kedge again. Where pods go on,
// a machine's setting to end all of a service's processes is not for this one.
const openRCScript = `#!/sbin/openrc-run
supervisor=supervise-daemon
description="Kubernetes in one executable: {{.Role}}"
command={{shell .Executable}}
command_args={{shell (join .Args)}}
output_log=/var/log/{{.Name}}.log
error_log=/var/log/{{.Name}}.log
respawn_delay=10
respawn_max=0
retry="TERM/{{.StopSeconds}}/KILL/5"
rc_ulimit="-n 999999 -c unlimited"
{{- if .PodsGoOn}}
rc_cgroup_cleanup="no"
{{- end}}

depend() {
	need net
	use dns
	after firewall
}
`

// Systemd is the unit's file.
func Systemd(s Service) string { return render(systemdUnit, s) }

// OpenRC is the script.
func OpenRC(s Service) string { return render(openRCScript, s) }

func render(text string, s Service) string {
	functions := template.FuncMap{"quote": quote, "specifier": specifier, "shell": shell, "join": joinForShell}
	var out strings.Builder
	// The templates are constants, and a Service has nothing that can fail.
	if err := template.Must(template.New("unit").Funcs(functions).Parse(text)).Execute(&out, s); err != nil {
		panic(err)
	}
	return out.String()
}

// specifier takes the meaning from systemd's percent signs.
func specifier(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// quote makes one word of a command line (systemd.service(5)).
func quote(word string) string {
	word = specifier(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", "$$", "\n", `\n`).Replace(word))
	if word == "" || strings.ContainsAny(word, " \t'\";\\") {
		return `"` + word + `"`
	}
	return word
}

// shell makes one word of a shell.
func shell(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// joinForShell makes one text that the script's shell takes apart again.
func joinForShell(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		quoted = append(quoted, shell(word))
	}
	return strings.Join(quoted, " ")
}
