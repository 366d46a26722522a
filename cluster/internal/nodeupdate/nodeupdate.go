// Package nodeupdate has a node do what a plan wants of it: run another version of
// kedge. What is wanted and how far it is stands at the node's own Node, so that a
// restart at any moment goes on where it was.
package nodeupdate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"kedge/internal/fetch"
	"kedge/internal/plan"
	"kedge/internal/signature"
	"kedge/internal/upgrade"
	"kedge/internal/versions"
)

const (
	// trialPoll is how often it is looked whether a version works.
	trialPoll = 2 * time.Second
	// again is the pause before a download is tried once more whose line was lost.
	again = 15 * time.Second
)

// Options are what a node's updates need.
type Options struct {
	Client kubernetes.Interface
	Node   string
	// Version is the one that runs.
	Version string
	// Cannot is why this machine takes no orders; empty: it does.
	Cannot string
	Store  versions.Store
	// Keys is the directory of the public keys that this machine trusts.
	Keys string
	// Machine is what a version is to run on.
	Machine func(context.Context) upgrade.Machine
	// Controller fetches from Server, the controller's address, as the node.
	Controller *http.Client
	Server     *url.URL
	// Restart ends this kedge, so that the version that is in use is started.
	Restart func() error
	Log     *slog.Logger
}

// Updater follows orders.
type Updater struct {
	options Options
	changed chan struct{}

	mu     sync.Mutex
	latest plan.Annotations
	// working is the order that is worked at, which cancel ends.
	working string
	cancel  context.CancelFunc
}

// New makes an updater that has not started.
func New(options Options) *Updater {
	return &Updater{options: options, changed: make(chan struct{}, 1)}
}

// Run works until ctx ends.
func (u *Updater) Run(ctx context.Context) error {
	watched := cache.NewListWatchFromClient(u.options.Client.CoreV1().RESTClient(), "nodes", meta.NamespaceAll, fields.OneTermEqualSelector("metadata.name", u.options.Node))
	informer := cache.NewSharedIndexInformer(watched, &core.Node{}, 0, nil)
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: u.note, UpdateFunc: func(_, object any) { u.note(object) },
	}); err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	for ctx.Err() == nil {
		wait, err := u.step(ctx)
		if err != nil && ctx.Err() == nil {
			u.options.Log.Warn("what a plan wants of this node cannot be done now", "error", err)
			wait = again
		}
		u.pause(ctx, wait)
	}
	return nil
}

// note takes what stands at the Node. Work at another order than the one that is
// there now ends.
func (u *Updater) note(object any) {
	node, is := object.(*core.Node)
	if !is {
		return
	}
	u.mu.Lock()
	u.latest = plan.Annotations{plan.OrderAnnotation: node.Annotations[plan.OrderAnnotation], plan.ProgressAnnotation: node.Annotations[plan.ProgressAnnotation]}
	if order, _ := u.latest.Order(); u.cancel != nil && order.ID != u.working {
		u.cancel()
	}
	u.mu.Unlock()
	select {
	case u.changed <- struct{}{}:
	default:
	}
}

// pause waits for news; for no longer than wait, where that is not 0.
func (u *Updater) pause(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		due = time.After(wait)
	}
	select {
	case <-ctx.Done():
	case <-u.changed:
	case <-due:
	}
}

// step does what is due, and says when to look again; 0: when there is news.
func (u *Updater) step(ctx context.Context) (time.Duration, error) {
	u.mu.Lock()
	latest := u.latest
	u.mu.Unlock()
	order, err := latest.Order()
	if err != nil || order.ID == "" {
		return 0, err
	}
	said, err := latest.Progress()
	if err != nil {
		said = plan.Progress{} // of an earlier order, then
	}
	state, err := u.options.Store.Read()
	if err != nil {
		return 0, err
	}
	switch next := Decide(order, said, u.options.Version, state); {
	case u.options.Cannot != "" && next.Do != Nothing:
		return 0, u.tell(ctx, plan.Progress{Order: order.ID, Phase: plan.Failed, Message: u.options.Cannot})
	case next.Do == Tell:
		return 0, u.tell(ctx, next.Progress)
	case next.Do == Wait:
		return trialPoll, nil
	case next.Do == Install:
		return u.install(ctx, order)
	}
	return 0, nil
}

// Kinds of what is due.
const (
	Nothing = iota
	Wait
	Tell
	Install
)

// Next is what is due, and what to tell where it is that.
type Next struct {
	Do       int
	Progress plan.Progress
}

// Decide says what is due: from the order, what was said last, the version that runs
// and what is kept of versions.
func Decide(order plan.Order, said plan.Progress, running string, state versions.State) Next {
	isOurs := said.Order == order.ID
	tell := func(phase plan.Phase, message string) Next {
		return Next{Tell, plan.Progress{Order: order.ID, Phase: phase, Message: message}}
	}
	switch {
	case isOurs && (said.Phase == plan.Done || said.Phase == plan.Failed):
		return Next{Do: Nothing}
	case state.Trial != nil:
		return Next{Do: Wait}
	case running == order.Version:
		return tell(plan.Done, "")
	case isOurs && said.Phase == plan.Trying && state.Failed != nil && state.Failed.Version == order.Version:
		return tell(plan.Failed, fmt.Sprintf("version %s did not work, and the one before it runs again: %s", order.Version, state.Failed.Why))
	case state.Current == order.Version:
		return tell(plan.Failed, fmt.Sprintf("version %s is in use, and %s runs all the same; 'kedge status' on the node says more", order.Version, running))
	}
	return Next{Do: Install}
}

// install fetches, judges and keeps what is wanted, and has it tried.
func (u *Updater) install(ctx context.Context, order plan.Order) (time.Duration, error) {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	u.mu.Lock()
	u.working, u.cancel = order.ID, cancel
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		u.cancel = nil
		u.mu.Unlock()
	}()
	if err := u.tell(working, plan.Progress{Order: order.ID, Phase: plan.Downloading}); err != nil {
		return 0, err
	}
	u.options.Log.Info("a plan wants another version", "version", order.Version, "from", order.URL)
	err := u.receive(working, order)
	switch {
	case working.Err() != nil:
		return trialPoll, nil // it was taken back, or kedge ends
	case errors.Is(err, fetch.ErrLost):
		told := u.tell(working, plan.Progress{Order: order.ID, Phase: plan.Downloading, Message: err.Error() + "; it is tried again"})
		select { // whatever else is told meanwhile: servers have a rest
		case <-working.Done():
		case <-time.After(again):
		}
		return trialPoll, told
	case err != nil:
		return 0, u.tell(working, plan.Progress{Order: order.ID, Phase: plan.Failed, Message: err.Error()})
	}
	// Told first: whoever starts next knows whose trial it was.
	if err := u.tell(working, plan.Progress{Order: order.ID, Phase: plan.Trying}); err != nil {
		return 0, err
	}
	if err := u.options.Store.Try(order.Version, order.ReadyWithin); err != nil {
		return 0, err
	}
	u.options.Log.Info("a plan's version is tried; this kedge ends", "version", order.Version)
	return trialPoll, u.options.Restart()
}

func (u *Updater) receive(ctx context.Context, order plan.Order) error {
	keys, err := signature.ReadKeys(u.options.Keys)
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("there is no key in %s to verify a signature with", u.options.Keys)
	}
	if err != nil {
		return err
	}
	_, err = upgrade.Installation{
		Store: u.options.Store, Source: u.source(order), Keys: keys, Version: order.Version, SHA256: order.SHA256, Machine: u.options.Machine,
	}.Run(ctx)
	return err
}

// source is where an artifact is: somewhere, or with the controller.
func (u *Updater) source(order plan.Order) fetch.Source {
	if strings.Contains(order.URL, "://") {
		return fetch.Source{Where: order.URL, BytesPerSecond: order.Bandwidth}
	}
	where := url.URL{Scheme: "https", Host: net.JoinHostPort(u.options.Server.Hostname(), strconv.Itoa(plan.ArtifactsPort)), Path: "/" + order.URL}
	return fetch.Source{Where: where.String(), Client: u.options.Controller, BytesPerSecond: order.Bandwidth}
}

// tell writes at the Node how far it is.
func (u *Updater) tell(ctx context.Context, progress plan.Progress) error {
	patch, err := plan.Patch(plan.ProgressAnnotation, progress)
	if err == nil {
		_, err = u.options.Client.CoreV1().Nodes().Patch(ctx, u.options.Node, types.MergePatchType, patch, meta.PatchOptions{})
	}
	return err
}
