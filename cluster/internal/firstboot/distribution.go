package firstboot

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"kedge/internal/nodeconfig"
)

// about is what first boot knows of the cluster's distribution. Its recipe
// brings it as a file.
type about struct {
	// DataDir is where a controller's keys are unpacked.
	DataDir string `json:"dataDir"`
	// Enrolment is the file in which the distribution says how it stands with a
	// device that asks to be approved; empty: it knows no such devices.
	Enrolment string          `json:"enrolment"`
	Roles     map[string]role `json:"roles"`
}

// role is how one role's command is told what node.yaml says.
type role struct {
	// Needs are the facts that it cannot do without; "one|other" is either of both, of which people are told the first.
	Needs []string `json:"needs"`
	// Arguments have {} in the place of a fact. Facts without one are not told.
	Arguments map[string]string `json:"arguments"`
	// Signed are files with certificates that a controller has made for the device: the time is not before them.
	Signed []string `json:"signed"`
}

func (d Device) distribution() (about, error) {
	content, err := os.ReadFile(d.path(distribution))
	if err != nil {
		return about{}, fmt.Errorf("read what this image knows of its cluster's distribution: %w", err)
	}
	var found about
	if err := json.Unmarshal(content, &found); err != nil {
		return about{}, fmt.Errorf("read /%s: %w", distribution, err)
	}
	return found, nil
}

// fact is one thing that a role is told.
type fact struct{ name, value string }

// facts are all that node.yaml says to the cluster's distribution.
func facts(config nodeconfig.Config) []fact {
	found := []fact{{"name", config.Name}, {"profile", config.Profile}}
	labels := make([]string, 0, len(config.Labels)+1)
	for key, value := range config.Labels {
		labels = append(labels, key+"="+value)
	}
	if config.Site != "" {
		labels = append(labels, "topology.kubernetes.io/zone="+config.Site)
	}
	slices.Sort(labels)
	for _, label := range labels {
		found = append(found, fact{"label", label})
	}
	for _, taint := range config.Taints {
		found = append(found, fact{"taint", fmt.Sprintf("%s=%s:%s", taint.Key, taint.Value, taint.Effect)})
	}
	for _, endpoint := range config.Endpoints {
		found = append(found, fact{"endpoint", endpoint})
	}
	if config.Discovery {
		found = append(found, fact{"discovery", "true"})
	}
	if config.Cluster != nil {
		found = append(found, fact{"cluster", config.Cluster.Name}, fact{"authority", "/" + nodeDir + "/authority.crt"})
	}
	if config.AsksToBeApproved() {
		found = append(found, fact{"fleet", "true"})
	}
	if config.Credential != "" {
		found = append(found, fact{"credential", "/" + keptFiles + "/" + config.Credential})
	}
	if config.Config != "" {
		found = append(found, fact{"config", "/" + keptFiles + "/" + config.Config})
	}
	return slices.DeleteFunc(found, func(one fact) bool { return one.value == "" })
}

// arguments are what the role's command gets. No value has a space in it: the
// schema of node.yaml sees to that.
func (a about) arguments(config nodeconfig.Config) ([]string, error) {
	known, has := a.Roles[config.Role]
	if !has {
		return nil, fmt.Errorf("role: this image cannot be a %s", config.Role)
	}
	var arguments []string
	missing := slices.Clone(known.Needs)
	for _, one := range facts(config) {
		missing = slices.DeleteFunc(missing, func(names string) bool { return slices.Contains(strings.Split(names, "|"), one.name) })
		if argument, told := known.Arguments[one.name]; told {
			arguments = append(arguments, strings.ReplaceAll(argument, "{}", one.value))
		}
	}
	if len(missing) > 0 {
		for i, names := range missing {
			missing[i], _, _ = strings.Cut(names, "|")
		}
		return nil, fmt.Errorf("a %s of this image does not join without: %s", config.Role, strings.Join(missing, ", "))
	}
	return arguments, nil
}
