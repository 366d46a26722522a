package policy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	networking "k8s.io/api/networking/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	// settling collects what comes together: the pods of a deployment, say.
	settling = 50 * time.Millisecond

	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Options are what an Enforcer needs.
type Options struct {
	// Node is the name of this node's Node object.
	Node   string
	Client kubernetes.Interface
	Tables []*Table
	// Resync is how often the tables are written anew, in case that somebody else
	// has changed or flushed them.
	Resync time.Duration
	Log    *slog.Logger
}

// Enforcer keeps the kernel's rules as the API server's objects say. Until it
// has heard of all of them, and after it has ended, what stands stays: neither
// a restart nor an API server that is away opens anything.
type Enforcer struct {
	options Options
	watched watched
	// queue has one item: that there is something to do.
	queue    workqueue.TypedRateLimitingInterface[struct{}]
	resynced time.Time
	problems []string

	mutex   sync.Mutex
	failure error // why the rules are not as they shall be; nil: they are
}

var errNotHeard = errors.New("the API server has not told all pods, namespaces and policies yet")

// New makes an enforcer that has not started.
func New(options Options) (*Enforcer, error) {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[struct{}](firstRetry, lastRetry)
	e := &Enforcer{options: options, queue: workqueue.NewTypedRateLimitingQueue(limiter), failure: errNotHeard}
	var err error
	e.watched, err = watch(options.Client, func() { e.queue.AddAfter(struct{}{}, settling) })
	return e, err
}

// Run works until ctx ends. It may be called once.
func (e *Enforcer) Run(ctx context.Context) {
	var informers sync.WaitGroup
	defer informers.Wait()
	defer e.queue.ShutDown()
	for _, informer := range e.watched.all() {
		informers.Go(func() { informer.RunWithContext(ctx) })
	}
	context.AfterFunc(ctx, e.queue.ShutDown)
	if !cache.WaitForCacheSync(ctx.Done(), e.watched.haveSynced()...) {
		return
	}
	e.queue.Add(struct{}{})
	for e.next(ctx) {
	}
}

// Ready tells why the rules are not what they shall be; nil: they are.
func (e *Enforcer) Ready() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.failure
}

// next writes the rules once; it is false when there will be no more.
func (e *Enforcer) next(ctx context.Context) bool {
	item, shutdown := e.queue.Get()
	if shutdown {
		return false
	}
	defer e.queue.Done(item)
	err := e.write(ctx)
	if ctx.Err() != nil {
		return false
	}
	e.mutex.Lock()
	e.failure = err
	e.mutex.Unlock()
	if err != nil {
		e.options.Log.Error("the rules are not what they shall be; those that stood stay", "error", err)
		e.queue.AddRateLimited(item)
		return true
	}
	e.queue.Forget(item)
	e.queue.AddAfter(item, e.options.Resync)
	return true
}

func (e *Enforcer) write(ctx context.Context) error {
	began := time.Now()
	state := e.watched.state(e.options.Node)
	plan := Compile(state)
	e.tell(plan.Problems)
	if resync := began.Sub(e.resynced) >= e.options.Resync; resync {
		for _, table := range e.options.Tables {
			table.Forget()
		}
		e.resynced = began
	}
	var failures []error
	for _, ruleset := range plan.Rulesets {
		failures = append(failures, e.writeOne(ctx, ruleset))
	}
	e.options.Log.Debug("wrote the rules", "policies", len(state.Policies), "pods", len(state.Pods), "took", time.Since(began))
	return errors.Join(failures...)
}

// writeOne fails for a family without a table where a pod is to be isolated.
func (e *Enforcer) writeOne(ctx context.Context, ruleset Ruleset) error {
	at := slices.IndexFunc(e.options.Tables, func(t *Table) bool { return t.family == ruleset.Family })
	switch {
	case at >= 0:
		return e.options.Tables[at].Write(ctx, ruleset)
	case len(ruleset.Sets[ownSet].Elements) > 0:
		return fmt.Errorf("policies select pods with addresses of the family %s, which this kernel does not have", ruleset.Family)
	}
	return nil
}

// tell logs problems when they are new.
func (e *Enforcer) tell(problems []string) {
	for _, problem := range problems {
		if !slices.Contains(e.problems, problem) {
			e.options.Log.Warn("a policy has a part that cannot be enforced as it is written", "problem", problem)
		}
	}
	e.problems = problems
}

// state is a picture of what the API server has told.
func (w watched) state(node string) State {
	s := State{Node: node, Namespaces: w.namespaceLabels()}
	for _, object := range w.pods.GetStore().List() {
		if pod, ok := object.(*Pod); ok {
			s.Pods = append(s.Pods, pod)
		}
	}
	for _, object := range w.policies.GetStore().List() {
		if policy, ok := object.(*networking.NetworkPolicy); ok {
			s.Policies = append(s.Policies, policy)
		}
	}
	return s
}
