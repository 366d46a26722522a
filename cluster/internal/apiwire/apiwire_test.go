package apiwire

import (
	"bytes"
	"io"
	"slices"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/streaming"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	restwatch "k8s.io/client-go/rest/watch"
)

// The judge of all formats is upstream's own code.

func forAll(t *testing.T, test func(t *testing.T, f Format, upstream runtime.SerializerInfo)) {
	t.Helper()
	for _, f := range []Format{JSON, Protobuf} {
		upstream, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), string(f))
		if !ok {
			t.Fatalf("upstream does not know %s", f)
		}
		t.Run(string(f), func(t *testing.T) { test(t, f, upstream) })
	}
}

func pod(name, version string) core.Pod {
	return core.Pod{
		ObjectMeta: meta.ObjectMeta{
			Name: name, Namespace: "default", UID: "1", ResourceVersion: version, Labels: map[string]string{"app": name},
			ManagedFields: []meta.ManagedFieldsEntry{{Manager: "kubectl", Operation: "Apply", APIVersion: "v1", FieldsV1: meta.NewFieldsV1(`{"f:spec":{}}`)}},
		},
		Spec: core.PodSpec{NodeName: "edge1", Containers: []core.Container{{Name: "main", Image: "image"}}},
	}
}

func encode(t *testing.T, upstream runtime.SerializerInfo, object runtime.Object) []byte {
	t.Helper()
	encoder := scheme.Codecs.EncoderForVersion(upstream.Serializer, schema.GroupVersion{Version: "v1"})
	encoded, err := runtime.Encode(encoder, object)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func decode(t *testing.T, encoded []byte) runtime.Object {
	t.Helper()
	object, err := runtime.Decode(scheme.Codecs.UniversalDeserializer(), encoded)
	if err != nil {
		t.Fatalf("%v: %q", err, encoded)
	}
	return object
}

func TestListsAreTakenApartAndPutTogether(t *testing.T) {
	forAll(t, func(t *testing.T, f Format, upstream runtime.SerializerInfo) {
		original := core.PodList{ListMeta: meta.ListMeta{ResourceVersion: "9", Continue: "more"}, Items: []core.Pod{pod("a", "7"), pod("b", "8")}}
		list, err := f.ParseList(encode(t, upstream, &original))
		if err != nil {
			t.Fatal(err)
		}
		if list.Kind != (Kind{"v1", "Pod"}) || list.ResourceVersion != "9" || list.Continue != "more" || len(list.Objects) != 2 {
			t.Errorf("list = %+v", list)
		}
		if b := list.Objects[1]; b.Namespace != "default" || b.Name != "b" || b.ResourceVersion != "8" || bytes.Contains(b.Raw, []byte("kubectl")) {
			t.Errorf("object = %+v", b)
		}
		single, err := f.EncodeObject(list.Objects[1])
		if err != nil {
			t.Fatal(err)
		}
		if told, ok := decode(t, single).(*core.Pod); !ok || told.Name != "b" {
			t.Errorf("by itself it is told as %q", single)
		}
		encoded, err := f.EncodeList(list)
		if err != nil {
			t.Fatal(err)
		}
		told, ok := decode(t, encoded).(*core.PodList)
		if !ok || told.ResourceVersion != "9" || told.Continue != "" || len(told.Items) != 2 {
			t.Fatalf("told = %+v", told)
		}
		for at := range told.Items {
			original.Items[at].ManagedFields = nil
			told.Items[at].TypeMeta = meta.TypeMeta{}
			if !equality.Semantic.DeepEqual(told.Items[at], original.Items[at]) {
				t.Errorf("object %d = %+v", at, told.Items[at])
			}
		}
	})
}

func TestObjects(t *testing.T) {
	forAll(t, func(t *testing.T, f Format, upstream runtime.SerializerInfo) {
		original := pod("a", "7")
		object, err := f.ParseObject(encode(t, upstream, &original))
		if err != nil || object.Kind != (Kind{"v1", "Pod"}) || object.Name != "a" {
			t.Fatalf("object = %+v, %v", object, err)
		}
		encoded, err := f.EncodeObject(object)
		if err != nil {
			t.Fatal(err)
		}
		if told, ok := decode(t, encoded).(*core.Pod); !ok || told.Spec.NodeName != "edge1" || told.ManagedFields != nil {
			t.Errorf("told = %+v", told)
		}
	})
}

// stream encodes events as an API server does.
func stream(t *testing.T, upstream runtime.SerializerInfo, events ...watch.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	gv := schema.GroupVersion{Version: "v1"}
	encoder := streaming.NewEncoder(upstream.StreamSerializer.Framer.NewFrameWriter(&out), scheme.Codecs.EncoderForVersion(upstream.StreamSerializer.Serializer, gv))
	embedded := scheme.Codecs.EncoderForVersion(upstream.Serializer, gv)
	for _, event := range events {
		raw, err := runtime.Encode(embedded, event.Object)
		if err != nil {
			t.Fatal(err)
		}
		if err := encoder.Encode(&meta.WatchEvent{Type: string(event.Type), Object: runtime.RawExtension{Raw: raw}}); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// heard decodes events as a client does.
func heard(t *testing.T, upstream runtime.SerializerInfo, encoded []byte) []watch.Event {
	t.Helper()
	reader := upstream.StreamSerializer.Framer.NewFrameReader(io.NopCloser(bytes.NewReader(encoded)))
	decoder := restwatch.NewDecoder(streaming.NewDecoder(reader, upstream.StreamSerializer.Serializer), scheme.Codecs.UniversalDeserializer())
	var events []watch.Event
	for {
		kind, object, err := decoder.Decode()
		if err == io.EOF {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, watch.Event{Type: kind, Object: object})
	}
}

func TestWatchesAreTakenApartHoweverTheyArrive(t *testing.T) {
	forAll(t, func(t *testing.T, f Format, upstream runtime.SerializerInfo) {
		a, b := pod("a", "7"), pod("b", "8")
		mark := core.Pod{ObjectMeta: meta.ObjectMeta{ResourceVersion: "9", Annotations: map[string]string{meta.InitialEventsAnnotationKey: "true"}}}
		sent := stream(t, upstream, watch.Event{Type: watch.Added, Object: &a}, watch.Event{Type: watch.Deleted, Object: &b}, watch.Event{Type: watch.Bookmark, Object: &mark})
		for _, size := range []int{1, 7, len(sent)} {
			var events []Event
			frames := f.Frames()
			for piece := range slices.Chunk(sent, size) {
				err := frames.Feed(piece, func(frame []byte) {
					event, err := f.ParseEvent(frame)
					if err != nil {
						t.Fatal(err)
					}
					events = append(events, event)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if len(events) != 3 || events[0].Type != Added || events[0].Object.Name != "a" || events[1].Type != Deleted || events[1].Object.Name != "b" {
				t.Fatalf("in pieces of %d: %+v", size, events)
			}
			if events[0].EndsInitial || !events[2].EndsInitial || events[2].Object.ResourceVersion != "9" || events[2].Object.Kind != (Kind{"v1", "Pod"}) {
				t.Errorf("bookmark = %+v", events[2])
			}
		}
	})
}

func TestWatchesAreTold(t *testing.T) {
	forAll(t, func(t *testing.T, f Format, upstream runtime.SerializerInfo) {
		a := pod("a", "7")
		object, err := f.ParseObject(encode(t, upstream, &a))
		if err != nil {
			t.Fatal(err)
		}
		bookmark, errBookmark := f.NewBookmark(Kind{"v1", "Pod"}, "9")
		expired, errStatus := f.NewStatus(meta.Status{Code: 410, Reason: meta.StatusReasonExpired})
		if errBookmark != nil || errStatus != nil {
			t.Fatal(errBookmark, errStatus)
		}
		var sent []byte
		for _, each := range []struct {
			kind   string
			object Object
		}{{Added, object}, {Bookmark, bookmark}, {Error, expired}} {
			encoded, err := f.EncodeEvent(each.kind, each.object)
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, encoded...)
		}
		events := heard(t, upstream, sent)
		if len(events) != 3 {
			t.Fatalf("events = %+v", events)
		}
		if got, ok := events[0].Object.(*core.Pod); !ok || got.Name != "a" || got.Spec.NodeName != "edge1" {
			t.Errorf("added = %+v", events[0])
		}
		if got, ok := events[1].Object.(*core.Pod); !ok || got.ResourceVersion != "9" || got.Annotations[meta.InitialEventsAnnotationKey] != "true" {
			t.Errorf("bookmark = %+v", events[1])
		}
		if got, ok := events[2].Object.(*meta.Status); !ok || got.Code != 410 || got.Reason != meta.StatusReasonExpired || got.Status != meta.StatusFailure {
			t.Errorf("error = %+v", events[2])
		}
	})
}

func TestMarksTellWhatIsNew(t *testing.T) {
	marker := NewMarker()
	node := func(version string, change func(*core.Node)) *core.Node {
		made := &core.Node{
			ObjectMeta: meta.ObjectMeta{Name: "edge1", ResourceVersion: version},
			Status: core.NodeStatus{
				Conditions: []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue, LastHeartbeatTime: meta.Unix(1, 0)}},
				Addresses:  []core.NodeAddress{{Type: core.NodeInternalIP, Address: "192.0.2.1"}},
			},
		}
		change(made)
		return made
	}
	forAll(t, func(t *testing.T, f Format, upstream runtime.SerializerInfo) {
		mark := func(object runtime.Object) uint64 {
			parsed, err := f.ParseObject(encode(t, upstream, object))
			if err != nil {
				t.Fatal(err)
			}
			made, err := marker.Mark(f, parsed)
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		first := mark(node("1", func(*core.Node) {}))
		if mark(node("2", func(n *core.Node) { n.Status.Conditions[0].LastHeartbeatTime = meta.Unix(2, 0) })) != first {
			t.Error("a node that lives on is taken for another")
		}
		if mark(node("2", func(n *core.Node) { n.Status.Addresses[0].Address = "192.0.2.2" })) == first {
			t.Error("another address is nothing new")
		}
		a, b := pod("a", "1"), pod("a", "2")
		if mark(&a) != mark(&b) {
			t.Error("another version alone is something new")
		}
		b.Status.PodIP = "10.0.0.1"
		if mark(&a) == mark(&b) {
			t.Error("a pod's address is nothing new")
		}
	})
}

func TestFormats(t *testing.T) {
	for text, want := range map[string]Format{
		"application/json": JSON, "application/json;charset=utf-8": JSON, "application/vnd.kubernetes.protobuf;stream=watch": Protobuf,
		"application/json;as=Table;v=v1;g=meta.k8s.io": "", "text/plain": "", "": "",
	} {
		if got := FormatOf(text); got != want {
			t.Errorf("%q is %q; want %q", text, got, want)
		}
	}
	if got := Accepted("application/vnd.kubernetes.protobuf, application/json"); !slices.Equal(got, []Format{Protobuf, JSON}) {
		t.Errorf("accepted = %q", got)
	}
	if got := Accepted("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, */*"); !slices.Equal(got, []Format{JSON}) {
		t.Errorf("accepted = %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]}`))
	f.Add([]byte("k8s\x00\n\x0b\n\x02v1\x12\x05Event"))
	f.Add([]byte(`{"type":"ADDED","object":{"kind":"Pod"}}`))
	marker := NewMarker()
	f.Fuzz(func(_ *testing.T, content []byte) {
		for _, format := range []Format{JSON, Protobuf} {
			_, _ = format.ParseList(content)
			_, _ = format.ParseEvent(content)
			if object, err := format.ParseObject(content); err == nil {
				_, _ = marker.Mark(format, object)
				_, _ = format.EncodeEvent(Added, object)
			}
			_ = format.Frames().Feed(content, func(frame []byte) { _, _ = format.ParseEvent(frame) })
		}
	})
}
