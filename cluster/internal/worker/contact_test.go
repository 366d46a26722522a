package worker

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Any pod may open connections and say nothing.
func TestPodsCannotTakeAllOfKedgesFiles(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = tellContact(t.Context(), listener, func() Contact { return Contact{Contact: true} }) }()
	open := func() net.Conn {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		return connection
	}
	for range maxAsking {
		open()
	}
	one := open()
	_ = one.SetReadDeadline(time.Now().Add(contactTimeout / 2))
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one more is kept: %v", err)
	}
	response, err := http.Get("http://" + listener.Addr().String() + "/contact")
	for giveUp := time.Now().Add(4 * contactTimeout); err != nil && time.Now().Before(giveUp); time.Sleep(100 * time.Millisecond) {
		response, err = http.Get("http://" + listener.Addr().String() + "/contact") // when those that say nothing are ended
	}
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, _ := io.ReadAll(response.Body); string(content) != "{\"contact\":true}\n" {
		t.Errorf("%s", content)
	}
}
