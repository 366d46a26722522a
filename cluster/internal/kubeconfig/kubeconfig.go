// Package kubeconfig writes and reads the files by which clients find a cluster
// and prove who they are. kedge's have one cluster, one user, one context.
package kubeconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"
)

// cluster is what every file calls the cluster and the context.
const cluster = "kedge"

// Config is a client's view of a cluster. Credentials are given as contents or
// as names of files, which clients read again when they change.
type Config struct {
	Server string
	User   string

	CA, Certificate, Key             []byte // PEM
	CAFile, CertificateFile, KeyFile string
	Token                            string
}

// The form of the file; fields that kedge does not use are not read.
type file struct {
	APIVersion string                `json:"apiVersion"`
	Kind       string                `json:"kind"`
	Clusters   []named[clusterEntry] `json:"clusters"`
	Users      []named[userEntry]    `json:"users"`
	Contexts   []named[contextEntry] `json:"contexts"`
	Current    string                `json:"current-context"`
}

// named is an element of one of the lists. Each list calls the entry otherwise.
type named[T entry] struct {
	Name  string
	Entry T
}

type entry interface{ key() string }

type clusterEntry struct {
	Server string `json:"server"`
	CA     []byte `json:"certificate-authority-data,omitempty"`
	CAFile string `json:"certificate-authority,omitempty"`
}

type userEntry struct {
	Certificate     []byte `json:"client-certificate-data,omitempty"`
	CertificateFile string `json:"client-certificate,omitempty"`
	Key             []byte `json:"client-key-data,omitempty"`
	KeyFile         string `json:"client-key,omitempty"`
	Token           string `json:"token,omitempty"`
}

type contextEntry struct {
	Cluster string `json:"cluster"`
	User    string `json:"user"`
}

func (clusterEntry) key() string { return "cluster" }
func (userEntry) key() string    { return "user" }
func (contextEntry) key() string { return "context" }

// MarshalJSON writes the name and the entry under its key.
func (n named[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"name": n.Name, n.Entry.key(): n.Entry})
}

// UnmarshalJSON reads the name and the entry under its key.
func (n *named[T]) UnmarshalJSON(content []byte) error {
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal(content, &members); err != nil {
		return err
	}
	for key, target := range map[string]any{"name": &n.Name, n.Entry.key(): &n.Entry} {
		if value, ok := members[key]; ok {
			if err := json.Unmarshal(value, target); err != nil {
				return err
			}
		}
	}
	return nil
}

// Encode writes the file. JSON is YAML, so nothing has to be quoted by hand.
func (c Config) Encode() ([]byte, error) {
	content, err := json.MarshalIndent(file{
		APIVersion: "v1", Kind: "Config",
		Clusters: []named[clusterEntry]{{cluster, clusterEntry{Server: c.Server, CA: c.CA, CAFile: c.CAFile}}},
		Users: []named[userEntry]{{c.User, userEntry{
			Certificate: c.Certificate, CertificateFile: c.CertificateFile, Key: c.Key, KeyFile: c.KeyFile, Token: c.Token,
		}}},
		Contexts: []named[contextEntry]{{cluster, contextEntry{Cluster: cluster, User: c.User}}},
		Current:  cluster,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the kubeconfig of %s: %w", c.User, err)
	}
	return append(content, '\n'), nil
}

// Parse reads the current context of a file, which may be anybody's.
func Parse(content []byte) (Config, error) {
	var read file
	if err := yaml.Unmarshal(content, &read); err != nil {
		return Config{}, fmt.Errorf("read a kubeconfig: %w", err)
	}
	if read.Kind != "Config" {
		return Config{}, errors.New("read a kubeconfig: it has not the kind Config")
	}
	context, err := find(read.Contexts, read.Current)
	if err != nil {
		return Config{}, err
	}
	where, err := find(read.Clusters, context.Cluster)
	if err != nil {
		return Config{}, err
	}
	who, err := find(read.Users, context.User)
	if err != nil {
		return Config{}, err
	}
	return Config{
		Server: where.Server, CA: where.CA, CAFile: where.CAFile, User: context.User,
		Certificate: who.Certificate, CertificateFile: who.CertificateFile, Key: who.Key, KeyFile: who.KeyFile, Token: who.Token,
	}, nil
}

func find[T entry](list []named[T], name string) (T, error) {
	at := slices.IndexFunc(list, func(n named[T]) bool { return n.Name == name })
	if at < 0 {
		var none T
		return none, fmt.Errorf("read a kubeconfig: it has no %s %q", none.key(), name)
	}
	return list[at].Entry, nil
}
