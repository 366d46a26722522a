package worker

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/apiproxy"
	"kedge/internal/argv"
	"kedge/internal/config"
	"kedge/internal/role"
	"kedge/internal/wholefile"
	"kedge/internal/workerconfig"
)

// patienceWhenKnown is how long a controller is waited for that said before what
// the cluster is: pods wait as long when it is away.
const patienceWhenKnown = 5 * time.Second

// learn asks the controller what the cluster is. A controller that does not
// answer is not waited for, when it was asked at an earlier start.
func (w *Worker) learn(ctx context.Context, is identity, tell func(error)) (workerconfig.Config, error) {
	client, err := kubernetes.NewForConfig(is.config)
	if err != nil {
		return workerconfig.Config{}, fmt.Errorf("make a client of the API server: %w", err)
	}
	before, errBefore := w.remembered()
	var told workerconfig.Config
	err = w.insist(ctx, tell, func(ctx context.Context) error {
		if errBefore == nil {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, patienceWhenKnown)
			defer cancel()
		}
		var err error
		if told, err = w.ask(ctx, is, client); isNoHelp(err) && errBefore == nil {
			role.LogOf(w.Log, join).Warn("the controller is no help; going on with what it told before", "problem", err)
			w.mu.Lock()
			w.alone = err.Error()
			w.mu.Unlock()
			told, err = before, nil
		}
		return err
	})
	if err != nil {
		return told, err
	}
	return told, errors.Join(w.remember(told), wholefile.Write(w.Layout.KubeletClientCA(), []byte(told.KubeletClientCA), 0o600))
}

// isNoHelp says of an error that the controller does not answer, or cannot, or is
// another cluster's, or that one of both clocks is wrong: a node that knows its
// cluster goes on with that.
func isNoHelp(err error) bool {
	var foreign *apiproxy.ForeignError
	var invalid x509.CertificateInvalidError
	isOutOfTime := errors.As(err, &invalid) && invalid.Reason == x509.Expired
	return isAway(err) || isOutOfTime || errors.As(err, &foreign) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err)
}

// ask fetches the profile's configuration, once no other machine is this node.
func (w *Worker) ask(ctx context.Context, is identity, client kubernetes.Interface) (workerconfig.Config, error) {
	if is.server.Host != loopback(argv.RelayPort) { // the controller on the same machine has the node's database
		if err := w.cluster.Check(ctx, is.config); err != nil {
			return workerconfig.Config{}, err
		}
	}
	if err := w.checkTwin(ctx, client); err != nil {
		return workerconfig.Config{}, err
	}
	found, err := client.CoreV1().ConfigMaps(meta.NamespaceSystem).Get(ctx, workerconfig.ConfigMap(w.options.Profile), meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return workerconfig.Config{}, fmt.Errorf("the cluster has no worker profile %q (yet)", w.options.Profile)
	}
	if err != nil {
		return workerconfig.Config{}, err
	}
	return workerconfig.Decode([]byte(found.Data[workerconfig.Key]))
}

// twinError is another machine that is the node already.
type twinError struct{ node, other string }

func (e *twinError) Error() string {
	return fmt.Sprintf("another machine (machine-id %s) is the node %s of this cluster: name this one with --node-name; "+
		"if it replaces the other, 'kubectl delete node %s' first", e.other, e.node, e.node)
}

// checkTwin refuses to be a node that another machine is. Two machines under one
// name would take each other's pods for their own.
func (w *Worker) checkTwin(ctx context.Context, client kubernetes.Interface) error {
	node, err := client.CoreV1().Nodes().Get(ctx, w.name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	own, err := machineID()
	if other := node.Status.NodeInfo.MachineID; err == nil && other != "" && other != own {
		return &twinError{w.name, other}
	}
	return nil
}

// machineID is what the kubelet reports too.
func machineID() (string, error) {
	content, err := os.ReadFile("/etc/machine-id")
	return strings.TrimSpace(string(content)), err
}

func (w *Worker) remembered() (workerconfig.Config, error) {
	content, err := os.ReadFile(w.Layout.ClusterFile())
	if err != nil {
		return workerconfig.Config{}, err
	}
	return workerconfig.Decode(content)
}

// remember writes only what is new: a card wears out.
func (w *Worker) remember(told workerconfig.Config) error {
	content, err := told.Encode()
	if err != nil {
		return err
	}
	if was, err := os.ReadFile(w.Layout.ClusterFile()); err == nil && string(was) == string(content) {
		return nil
	}
	return wholefile.Write(w.Layout.ClusterFile(), content, 0o600)
}

// pause is the image that holds pods' namespaces.
func (w *Worker) pause(ctx context.Context, cluster workerconfig.Config) (string, error) {
	if cluster.Images.Pause != "" {
		return cluster.Images.Pause, nil
	}
	release, err := w.options.Release(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	image, known := release.Image("pause")
	if !known {
		return "", errors.New("this kedge was released without the image pause; name one in spec.images.pause")
	}
	return config.Images{Repository: cluster.Images.Repository}.PauseReference(image.Reference), nil
}
