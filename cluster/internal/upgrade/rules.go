package upgrade

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// oldestNode is how many minor versions a kubelet may be behind its API server:
// kubernetes.io/releases/version-skew-policy.
const oldestNode = 3

// Machine is what an executable is to run on.
type Machine struct {
	// Controls says that an API server runs here.
	Controls bool
	// Version, Kubernetes and Platform are those of the kedge that runs now.
	Version, Kubernetes, Platform string
	// Server is the version of the API server that a worker belongs to; empty: it did
	// not answer.
	Server string
}

// Refused is everything that speaks against a candidate.
type Refused []string

func (r Refused) Error() string {
	return "the new executable is refused:\n  " + strings.Join(r, "\n  ")
}

// Judge tells whether the candidate may run there, as one error of type Refused. With
// older, it may be older than what runs now, as far as it can read what is there.
func Judge(candidate Candidate, machine Machine, older bool) error {
	var refused Refused
	refuse := func(text string, arguments ...any) { refused = append(refused, fmt.Sprintf(text, arguments...)) }
	if candidate.Platform != machine.Platform {
		refuse("it is made for %s, and this machine is %s", candidate.Platform, machine.Platform)
	}
	if why := IsOlder(candidate.Version, machine.Version); why != "" && !older {
		refuse("%s; --allow-older takes it all the same", why)
	}
	news, now := minorOf(candidate.Kubernetes), minorOf(machine.Kubernetes)
	switch {
	case news == 0:
		refuse("it does not tell which Kubernetes is in it")
	case machine.Controls && news < now:
		refuse("its Kubernetes %s cannot read what %s stored; 'kedge restore' takes a backup of that version", candidate.Kubernetes, machine.Kubernetes)
	case machine.Controls && news > now+1:
		refuse("its Kubernetes %s is more than one minor version after %s; upgrade to each in turn", candidate.Kubernetes, machine.Kubernetes)
	case !machine.Controls:
		judgeNode(candidate, machine, refuse)
	}
	if len(refused) > 0 {
		return refused
	}
	return nil
}

// judgeNode holds a node to its API server, which is upgraded first.
func judgeNode(candidate Candidate, machine Machine, refuse func(string, ...any)) {
	news, now := minorOf(candidate.Kubernetes), minorOf(machine.Kubernetes)
	if machine.Server == "" {
		if news > now {
			refuse("its Kubernetes %s is after %s, and the API server, which may not be older, does not answer", candidate.Kubernetes, machine.Kubernetes)
		}
		return
	}
	server := minorOf(machine.Server)
	if news > server {
		refuse("its Kubernetes %s is after the API server's %s; upgrade the controller first", candidate.Kubernetes, machine.Server)
	}
	if news+oldestNode < server {
		refuse("its Kubernetes %s is more than %d minor versions behind the API server's %s", candidate.Kubernetes, oldestNode, machine.Server)
	}
}

// IsOlder says in which way a version is not after another one; empty: it is, or is
// the same.
func IsOlder(candidate, than string) string {
	found, err := version.ParseSemantic(candidate)
	own, ownErr := version.ParseSemantic(than)
	switch {
	case candidate == than:
		return ""
	case err != nil || ownErr != nil:
		return fmt.Sprintf("whether version %s is after %s cannot be told", candidate, than)
	case found.LessThan(own):
		return fmt.Sprintf("version %s is before %s", candidate, than)
	}
	return ""
}

// minorOf is the second number of a version of Kubernetes, whose first is 1; 0: there
// is none.
func minorOf(text string) int {
	found, err := version.ParseGeneric(text)
	if err != nil || found.Major() != 1 {
		return 0
	}
	return int(found.Minor())
}
