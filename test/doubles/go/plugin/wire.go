package main

import (
	"net"
	"sync"
)

// wire knows the open connections, for faults that no method could make.
type wire struct {
	mutex sync.Mutex
	open  map[*watched]bool
}

func newWire() *wire { return &wire{open: map[*watched]bool{}} }

// track is a listener whose connections are known.
func (w *wire) track(listener net.Listener) net.Listener { return &tracked{listener, w} }

type tracked struct {
	net.Listener
	wire *wire
}

func (t *tracked) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	held := &watched{Conn: conn, wire: t.wire, left: -1}
	t.wire.mutex.Lock()
	defer t.wire.mutex.Unlock()
	t.wire.open[held] = true
	return held, nil
}

// watched is a connection that may lose what is written to it.
type watched struct {
	net.Conn
	wire  *wire
	mutex sync.Mutex
	// left is how many bytes still pass; -1 is all of them.
	left int
	// ends says that the connection is closed once they passed.
	ends bool
}

func (c *watched) Write(bytes []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.left < 0 {
		return c.Conn.Write(bytes)
	}
	pass := bytes
	if len(pass) > c.left {
		pass = pass[:c.left]
	}
	c.left -= len(pass)
	if _, err := c.Conn.Write(pass); err != nil {
		return 0, err
	}
	if c.ends && c.left == 0 {
		c.Conn.Close()
	}
	return len(bytes), nil
}

func (c *watched) Close() error {
	c.wire.mutex.Lock()
	defer c.wire.mutex.Unlock()
	delete(c.wire.open, c)
	return c.Conn.Close()
}

func (w *wire) each(do func(*watched)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for conn := range w.open {
		conn.mutex.Lock()
		do(conn)
		conn.mutex.Unlock()
	}
}

// cut closes every connection under the server's hands.
func (w *wire) cut() { w.each(func(c *watched) { c.Conn.Close() }) }

// mute swallows whatever is answered from now on.
func (w *wire) mute() { w.each(func(c *watched) { c.left = 0 }) }

// limit lets so many bytes pass and then closes the connection.
func (w *wire) limit(bytes int) { w.each(func(c *watched) { c.left, c.ends = bytes, true }) }

// spill writes bytes that are no gob: the rule's text, or ones that announce a message of 2 GB.
func (w *wire) spill(r rule) {
	bytes := []byte(r.Text)
	if len(bytes) == 0 {
		bytes = []byte{0xfc, 0x7f, 0xff, 0xff, 0xff, 0x01, 0x02, 0x03}
	}
	w.each(func(c *watched) { c.Conn.Write(bytes) })
}
