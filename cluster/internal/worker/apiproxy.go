package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	core "k8s.io/api/core/v1"

	"kedge/internal/apicache"
	"kedge/internal/apiproxy"
	"kedge/internal/argv"
	"kedge/internal/kubeconfig"
	"kedge/internal/nodecert"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// keyPeriod lies between two looks whether the node has a new key.
const keyPeriod = time.Minute

// apiProxy answers the node's components, with or without a controller. It is
// ready when it is known which.
func (w *Worker) apiProxy() *role.Task {
	made := role.NewTask(proxy, func(ctx context.Context) error {
		if w.current().Direct {
			<-ctx.Done()
			return nil
		}
		return w.runProxy(ctx)
	})
	made.IsReady = func() error {
		switch running := w.asked.Load(); {
		case w.current().Direct:
			return nil
		case running == nil:
			return errors.New("it reads what this node has seen before")
		default:
			return running.Ready()
		}
	}
	return made
}

func (w *Worker) runProxy(ctx context.Context) error {
	known, err := w.readIdentity()
	if err != nil {
		return err
	}
	log := role.LogOf(w.Log, proxy)
	store, key, err := w.openSeen()
	if err != nil {
		return err
	}
	if err := w.writePodAddresses(store); err != nil {
		log.Warn("pods may get other addresses than they had", "problem", err)
	}
	server, err := apiproxy.Listen(loopback(argv.DefaultNodePorts().APIProxy), log)
	if err != nil {
		return err
	}
	if err := w.writeComponentKubeconfig(server.Credentials); err != nil {
		return err
	}
	answers, err := apiproxy.New(apiproxy.Options{
		Node: w.name, Config: known.config, Store: store, Cluster: w.cluster, Away: w.whyAlone(), Log: log,
	})
	if err != nil {
		return err
	}
	w.asked.Store(answers)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx)) // for as long as somebody is answered
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		answers.Run(running)
	}()
	go w.followKey(running, key)
	err = server.Serve(ctx, answers)
	cancel()
	<-ended // what was seen is on the disk
	return err
}

// whyAlone is why the controller did not answer when the worker started; empty: it did.
func (w *Worker) whyAlone() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alone
}

func (w *Worker) writeComponentKubeconfig(own apiproxy.Credentials) error {
	content, err := kubeconfig.Config{
		Server: "https://" + loopback(argv.DefaultNodePorts().APIProxy), User: "node-component", CA: own.CA, Certificate: own.Certificate, Key: own.Key,
	}.Encode()
	if err != nil {
		return err
	}
	return wholefile.Write(w.Layout.ComponentKubeconfig(), content, 0o600)
}

// openSeen reads what the node has seen. What another key or version wrote is lost.
func (w *Worker) openSeen() (*apicache.Store, []byte, error) {
	keys, err := w.nodeKeys()
	if err != nil {
		return nil, nil, err
	}
	log := role.LogOf(w.Log, proxy)
	key, err := apicache.OpenKey(w.Layout.Seen(), keys...)
	if errors.Is(err, apicache.ErrUnreadable) {
		log.Warn("what this node has seen of its cluster was written with another key, or by another version of kedge, and is lost; the controller tells it again when it answers")
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	store, err := apicache.Open(w.Layout.Seen(), key, log)
	return store, key, err
}

// nodeKeys are the node's private keys, the one in use first.
func (w *Worker) nodeKeys() ([][]byte, error) {
	newest := w.Layout.NodeCertificate(nodecert.Client)
	files, err := filepath.Glob(filepath.Join(w.Layout.Worker(), nodecert.Client+"-*.pem"))
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for _, file := range append([]string{newest}, slices.DeleteFunc(files, func(file string) bool { return file == newest })...) {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the node's key: %w", err)
		}
		keys = append(keys, content)
	}
	return keys, nil
}

// followKey lets what was seen be read with the key that the node has now.
func (w *Worker) followKey(ctx context.Context, key []byte) {
	log := role.LogOf(w.Log, proxy)
	var sealedWith []byte
	every(ctx, keyPeriod, func() {
		now, err := os.ReadFile(w.Layout.NodeCertificate(nodecert.Client))
		if err != nil || slices.Equal(now, sealedWith) {
			return
		}
		if sealedWith != nil {
			err = apicache.SealKey(w.Layout.Seen(), key, now)
		}
		if err != nil {
			log.Warn("what this node sees is still kept with the key that it had before", "problem", err)
			return
		}
		sealedWith = now
	})
}

// writePodAddresses tells the network's plugin which addresses the node's pods
// had: services, as far as this node knows, lead to these.
func (w *Worker) writePodAddresses(store *apicache.Store) error {
	pods, _ := apiproxy.NodePods(store, w.name)
	var problems []error
	for _, object := range pods {
		var pod core.Pod
		if err := pod.Unmarshal(object.Raw); err != nil {
			problems = append(problems, fmt.Errorf("pod %s/%s: %w", object.Namespace, object.Name, err))
			continue
		}
		var addresses []string
		for _, each := range pod.Status.PodIPs {
			addresses = append(addresses, each.IP)
		}
		if len(addresses) == 0 || pod.Spec.HostNetwork {
			continue
		}
		content, err := json.Marshal(addresses)
		if err != nil {
			return err
		}
		problems = append(problems, wholefile.Write(filepath.Join(w.Layout.PodAddresses(), filepath.Base(string(pod.UID))), content, 0o600))
	}
	return errors.Join(problems...)
}
