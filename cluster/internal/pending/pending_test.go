package pending

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)

func note(t *testing.T, l *List, key, address string, after time.Duration) bool {
	t.Helper()
	isNew, err := l.Note(Device{Key: key, Address: address}, start.Add(after))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return isNew
}

func TestWhoAsksIsNewOnceAndForgotten(t *testing.T) {
	var l List
	if !note(t, &l, "a", "1", 0) || note(t, &l, "a", "1", time.Second) || !note(t, &l, "b", "1", 2*time.Second) {
		t.Error("what is new is told wrongly")
	}
	if isNew, err := l.Note(Device{Key: "a", Address: "1", Refused: "why"}, start.Add(3*time.Second)); !isNew || err != nil {
		t.Errorf("a refusal is news: %v, %v", isNew, err)
	}
	found := l.All(start.Add(4 * time.Second))
	if len(found) != 2 || found[0].Key != "a" || !found[0].Since.Equal(start) || found[0].Refused != "why" {
		t.Errorf("found %+v", found)
	}
	if found := l.All(start.Add(3*time.Second + forgotten)); len(found) != 1 || found[0].Key != "a" {
		t.Errorf("later: %+v", found)
	}
	l.Drop("a")
	if l.Count() != 0 {
		t.Errorf("%d are left", l.Count())
	}
}

func TestNoMoreThanSoManyWait(t *testing.T) {
	var l List
	for i := range MostPerAddress {
		note(t, &l, fmt.Sprintf("flood-%d", i), "stranger", 0)
	}
	if _, err := l.Note(Device{Key: "more", Address: "stranger"}, start); !errors.Is(err, ErrFull) {
		t.Errorf("more than %d behind one address: %v", MostPerAddress, err)
	}
	note(t, &l, "flood-0", "stranger", time.Second) // who waits may go on asking
	for i := range Most - MostPerAddress {
		note(t, &l, fmt.Sprintf("device-%d", i), fmt.Sprint(i), time.Second)
	}
	if _, err := l.Note(Device{Key: "last", Address: "home"}, start.Add(time.Second)); !errors.Is(err, ErrFull) || l.Count() != Most {
		t.Errorf("more than %d: %v; there are %d", Most, err, l.Count())
	}
	note(t, &l, "last", "home", forgotten+time.Second/2) // the flood is over
}
