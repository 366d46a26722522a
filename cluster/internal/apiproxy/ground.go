package apiproxy

import (
	"slices"
	"sync"

	"kedge/internal/apicache"
)

// maxGrounds bounds what is remembered; who is forgotten lists once more.
const maxGrounds = 4 << 10

// grounds are the watches that have something to stand on: whoever watches was
// told by the controller that answers now, and not by this node or by the
// controller before, what there was when its watch begins. Versions alone do not
// tell: those of a controller out of a backup are given away a second time.
type grounds struct {
	mu   sync.Mutex
	era  uint64
	told map[ground]struct{}
}

// ground is a list that somebody was told.
type ground struct {
	path, selector, userAgent string
}

// tell notes that somebody is told, and says whether that was so before.
func (g *grounds) tell(era uint64, to ground) (before bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told == nil || g.era != era || len(g.told) >= maxGrounds {
		g.era, g.told = era, make(map[ground]struct{})
	}
	_, before = g.told[to]
	g.told[to] = struct{}{}
	return before
}

// hasGround says whether a question may be asked as it is. A watch that has no
// ground, or whose changes were not all kept, is sent to list anew, once.
func (p *Proxy) hasGround(q question, userAgent string) bool {
	if !q.isList() && !q.watch {
		return true
	}
	key := q.listKey("")
	before := p.grounds.tell(p.store.Era(), ground{key.Path, key.Selector, userAgent})
	if !q.watch || q.wantsState() {
		return true
	}
	if !before {
		return false
	}
	p.keeping.wait()
	return !p.missesChanges(q)
}

func (p *Proxy) missesChanges(q question) bool {
	wanted := q.listKey("")
	found := p.store.Find(func(key apicache.Key) bool {
		return key.Path == wanted.Path && key.Selector == wanted.Selector && !key.Single && slices.Contains(q.formats, key.Format)
	})
	return slices.ContainsFunc(found, (*apicache.Collection).TakeGap)
}
