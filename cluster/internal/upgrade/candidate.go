package upgrade

import (
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// tellWithin is how long an executable may take to say what it is: on the slowest
// boards kedge begins after seconds.
const tellWithin = 2 * time.Minute

// Candidate is what an executable says of itself.
type Candidate struct {
	// Version is kedge's own.
	Version string
	// Kubernetes is the version of the components in it.
	Kubernetes string
	// Platform is what it is made for, as version.Build writes it.
	Platform string
}

// Describe asks an executable that can be trusted, at path, what it is. self is the
// executable that runs here.
func Describe(ctx context.Context, path, self string) (Candidate, error) {
	if err := requireSameMachine(path, self); err != nil {
		return Candidate{}, err
	}
	ctx, stop := context.WithTimeout(ctx, tellWithin)
	defer stop()
	command := exec.CommandContext(ctx, path, "version", "--output=json")
	command.Env = []string{}
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return Candidate{}, fmt.Errorf("the new executable does not even tell its version: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	var told struct {
		Version, OS, Arch, Variant string
		Components                 []struct{ Name, Version string }
	}
	if err := json.Unmarshal(output, &told); err != nil {
		return Candidate{}, fmt.Errorf("the new executable tells its version in a way that is not kedge's: %w", err)
	}
	found := Candidate{Version: told.Version, Platform: told.OS + "/" + told.Arch}
	if told.Variant != "" {
		found.Platform += "/" + told.Variant
	}
	for _, component := range told.Components {
		if component.Name == "kubelet" || component.Name == "kube-apiserver" {
			found.Kubernetes = strings.TrimSuffix(component.Version, "+patched")
		}
	}
	return found, nil
}

// requireSameMachine refuses executables that this machine cannot run.
func requireSameMachine(path, self string) error {
	found, err := machineOf(path)
	if err != nil {
		return err
	}
	own, err := machineOf(self)
	if err != nil {
		return err
	}
	if found != own {
		return fmt.Errorf("the new executable is made for %s, and this machine is %s", found, own)
	}
	return nil
}

func machineOf(path string) (string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s is no executable: %w", path, err)
	}
	defer file.Close()
	return strings.TrimPrefix(file.Machine.String(), "EM_") + ", " + strings.TrimPrefix(file.Class.String(), "ELFCLASS") + " bits", nil
}
