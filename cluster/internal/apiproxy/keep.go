package apiproxy

import (
	"bytes"
	"cmp"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

func (p *Proxy) keepList(q question, format apiwire.Format, content []byte) error {
	list, err := format.ParseList(content)
	if err != nil || list.Continue != "" || q.query.Get("continue") != "" {
		return err
	}
	return p.store.Collection(q.listKey(format)).Replace(list)
}

// keepObject keeps a single object, unless a list has it.
func (p *Proxy) keepObject(q question, format apiwire.Format, content []byte) error {
	object, err := format.ParseObject(content)
	if err != nil {
		return err
	}
	if q.name == "" { // it was made just now
		q.path, q.name = q.path+"/"+object.Name, object.Name
	}
	q.formats = []apiwire.Format{format}
	if _, known := p.listed(q); known {
		return nil
	}
	return p.store.Collection(q.singleKey(format)).Replace(only(object))
}

// only is a list of one object.
func only(object apiwire.Object) apiwire.List {
	return apiwire.List{Kind: object.Kind, ResourceVersion: object.ResourceVersion, Objects: []apiwire.Object{object}}
}

// dropObject forgets a single object that is not there any more.
func (p *Proxy) dropObject(q question) {
	for _, format := range []apiwire.Format{apiwire.JSON, apiwire.Protobuf} {
		if err := p.store.Remove(q.singleKey(format)); err != nil {
			p.log.Warn("an object that is gone is still kept", "path", q.path, "problem", err)
		}
	}
}

// listed finds an object in what was listed and watched.
func (p *Proxy) listed(q question) (apiwire.Object, bool) {
	for _, list := range p.store.Find(q.mayHave) {
		if _, complete := list.State(); !complete {
			continue
		}
		if object, found := list.Get(apicache.Name{Namespace: q.namespace, Name: q.name}); found {
			return object, true
		}
	}
	return apiwire.Object{}, false
}

// watcher keeps what a watch tells.
type watcher struct {
	format apiwire.Format
	frames *apiwire.Frames
	packed *unpacker // nil: it is told as it is
	store  *apicache.Store
	era    uint64 // when it began
	kept   *apicache.Collection
	// inTurn has something done when all is kept that was told before.
	inTurn func(func())
	// release lets it be removed again.
	release func()
	failed  func(error)
	// initial are the objects that the watch has begun with; nil: it tells changes.
	initial map[apicache.Name]struct{}
	// isUnordered says that what is told may be what there was at its beginning.
	isUnordered bool
	broken      bool
}

func (p *Proxy) newWatcher(q question, format apiwire.Format, isPacked bool, failed func(error)) *watcher {
	kept, release := p.store.Hold(q.listKey(format))
	made := &watcher{
		format: format, frames: format.Frames(), store: p.store, era: p.store.Era(), kept: kept, inTurn: p.keeping.add, release: release, failed: failed,
		isUnordered: q.wantsState(),
	}
	if isPacked {
		made.packed = &unpacker{}
	}
	if q.endsState() {
		made.initial = make(map[apicache.Name]struct{})
	}
	return made
}

// arrive has a piece kept after the list that was answered before, which it
// changes. Whoever watches does not wait for that.
func (o *watcher) arrive(piece []byte) {
	piece = bytes.Clone(piece)
	o.inTurn(func() { o.take(piece) })
}

func (o *watcher) take(piece []byte) {
	if o.broken || o.store.Era() != o.era { // it comes from a controller before the present one
		return
	}
	err := o.read(piece)
	if err != nil {
		// What it tells from now on has no ground to stand on; the next list has.
		o.broken = true
		o.kept.Miss()
		o.failed(err)
	}
}

func (o *watcher) read(piece []byte) (err error) {
	if o.packed != nil {
		piece, err = o.packed.add(piece)
	}
	if err != nil {
		return err
	}
	var problem error
	err = o.frames.Feed(piece, func(frame []byte) {
		if problem == nil {
			problem = o.event(frame)
		}
	})
	return cmp.Or(err, problem)
}

func (o *watcher) event(frame []byte) error {
	event, err := o.format.ParseEvent(frame)
	if err != nil {
		return err
	}
	object := event.Object
	switch event.Type {
	case apiwire.Added, apiwire.Modified:
		if o.initial != nil {
			o.initial[apicache.NameOf(object)] = struct{}{}
		}
		if o.isUnordered {
			return o.kept.Seed(object)
		}
		return o.kept.Put(object)
	case apiwire.Deleted:
		return o.kept.Delete(object)
	case apiwire.Bookmark:
		if event.EndsInitial && o.initial != nil {
			seen := o.initial
			o.initial, o.isUnordered = nil, false
			return o.kept.Complete(object.Kind, object.ResourceVersion, seen)
		}
		if !o.isUnordered {
			o.kept.Reach(object.ResourceVersion)
		}
	}
	return nil
}

func (o *watcher) end() {}

func (o *watcher) close() { o.inTurn(o.release) }
