//go:build patched

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	hostlocal "github.com/containernetworking/plugins/plugins/ipam/host-local"
)

// again is host-local that gives a pod the addresses that it had before the
// machine was started anew, if they are free: without its controller, the node
// knows its services by these. ipam.addresses is the directory that has a file
// for each such pod, named after its UID, with the addresses in JSON.
func again([]string) int {
	config, err := io.ReadAll(os.Stdin)
	if err != nil {
		return refuse(err.Error())
	}
	if os.Getenv("CNI_COMMAND") == "ADD" {
		// What fails with them may succeed without.
		if result, err := addAgain(config); err == nil && result != nil {
			if err := result.Print(); err != nil {
				return refuse(err.Error())
			}
			return 0
		}
	}
	if err := standardInput(config); err != nil {
		return refuse(err.Error())
	}
	hostlocal.Main()
	return 0
}

// addAgain asks for the addresses that the pod had; nil: none are known.
func addAgain(config []byte) (types.Result, error) {
	var network map[string]any
	if err := json.Unmarshal(config, &network); err != nil {
		return nil, err
	}
	ipam, _ := network["ipam"].(map[string]any)
	directory, _ := ipam["addresses"].(string)
	uid := podUID(os.Getenv("CNI_ARGS"))
	if directory == "" || uid == "" {
		return nil, nil
	}
	content, err := os.ReadFile(filepath.Join(directory, filepath.Base(uid)))
	if err != nil {
		return nil, err
	}
	var addresses []string
	if err := json.Unmarshal(content, &addresses); err != nil {
		return nil, err
	}
	network["args"] = map[string]any{"cni": map[string]any{"ips": addresses}}
	wanted, err := json.Marshal(network)
	if err != nil {
		return nil, err
	}
	return invoke.DelegateAdd(context.Background(), "host-local", wanted, nil)
}

// podUID is what the runtime tells of the pod: NAME=VALUE;NAME=VALUE.
func podUID(arguments string) string {
	for argument := range strings.SplitSeq(arguments, ";") {
		if uid, found := strings.CutPrefix(argument, "K8S_POD_UID="); found {
			return uid
		}
	}
	return ""
}

// standardInput lets what has been read be read again.
func standardInput(content []byte) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("read the network's configuration: %w", err)
	}
	go func() {
		_, _ = io.Copy(writer, bytes.NewReader(content)) // who reads says what is missing
		_ = writer.Close()
	}()
	os.Stdin = reader
	return nil
}
