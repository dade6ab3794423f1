package work

import "sync"

// unread is how often GitHub failed to tell a delivery, by GUID. A process that was
// started anew with --pull may have a job of each kind that reads them.
type unread struct {
	mu    sync.Mutex
	times map[string]int
}

func (u *unread) of(guid string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.times[guid]
}

// failed counts one more time.
func (u *unread) failed(guid string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.times == nil {
		u.times = map[string]int{}
	}
	u.times[guid]++
}

// over forgets a delivery: it was read, or is left.
func (u *unread) over(guid string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.times, guid)
}
