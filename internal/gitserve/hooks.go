package gitserve

import (
	"bufio"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// hook is the one script behind every hook. It asks the server over loopback.
//
//go:embed hook.sh
var hook []byte

// hooks answers the hooks of repositories, each of which names the push it runs in.
type hooks struct {
	server *Server
	socket net.Listener
	mu     sync.Mutex
	last   int
	pushes map[string]Push
}

// listen installs the scripts below the root and answers them.
func listen(s *Server) (*hooks, error) {
	dir := filepath.Join(s.Root, ".hooks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, name := range []string{"pre-receive", "update", "post-receive"} {
		if err := os.WriteFile(filepath.Join(dir, name), hook, 0o755); err != nil {
			return nil, err
		}
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for hooks: %w", err)
	}
	h := &hooks{server: s, socket: socket, pushes: map[string]Push{}}
	go h.serve()
	return h, nil
}

// address is HOST/PORT, as bash opens it below /dev/tcp.
func (h *hooks) address() string {
	return strings.Replace(h.socket.Addr().String(), ":", "/", 1)
}

func (h *hooks) close() { _ = h.socket.Close() } // nobody listens any more

// begin registers a push until done.
func (h *hooks) begin(p Push) (id string, done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	id = strconv.Itoa(h.last)
	h.pushes[id] = p
	return id, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.pushes, id)
	}
}

func (h *hooks) serve() {
	for {
		conn, err := h.socket.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }() // the answer is out, or the hook is gone
			fmt.Fprintln(conn, h.answer(bufio.NewScanner(conn)))
		}()
	}
}

// answer reads the push, the hook's name and "OLD NEW REF" lines up to a dot. Whatever
// it returns but "ok" declines.
func (h *hooks) answer(in *bufio.Scanner) string {
	var lines []string
	for in.Scan() && in.Text() != "." {
		lines = append(lines, in.Text())
	}
	if len(lines) < 2 {
		return "the hook said too little"
	}
	h.mu.Lock()
	push, ok := h.pushes[lines[0]]
	h.mu.Unlock()
	if !ok {
		return "the hook runs in no push"
	}
	changes := parse(lines[2:])
	switch {
	case lines[1] == "post-receive" && h.server.Received != nil:
		push.Changes = changes
		h.server.Received(push)
	case lines[1] == "update" && h.server.Update != nil:
		for _, c := range changes {
			if err := h.server.Update(push, c); err != nil {
				return err.Error()
			}
		}
	}
	return "ok"
}

func parse(lines []string) []Change {
	var out []Change
	for _, line := range lines {
		if part := strings.SplitN(line, " ", 3); len(part) == 3 {
			out = append(out, Change{Old: part[0], New: part[1], Ref: part[2]})
		}
	}
	return out
}
