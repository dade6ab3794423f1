package hub

import (
	"net/http"
	"sync/atomic"
	"time"
)

// skew is how far this machine's clock is ahead of GitHub's, as the Date of its answers
// says. GitHub refuses the JWT of a clock that is wrong, so the App signs in GitHub's time.
type skew struct {
	now   func() time.Time
	ahead atomic.Int64 // in nanoseconds
	known atomic.Bool  // any answer told
}

// tolerable is no skew: Date counts seconds, and an answer takes a while.
const tolerable = 10 * time.Second

func (s *skew) get() time.Duration {
	if d := time.Duration(s.ahead.Load()); d.Abs() >= tolerable {
		return d
	}
	return 0
}

// learn reads the Date of an answer, and returns how far the clock moved since.
func (s *skew) learn(h http.Header) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	ahead := s.now().Sub(date)
	s.known.Store(true)
	return ahead - time.Duration(s.ahead.Swap(int64(ahead)))
}

// resign asks once more when GitHub refused the JWT and its Date tells why.
type resign struct {
	next http.RoundTripper
	skew *skew
}

func (r resign) RoundTrip(req *http.Request) (*http.Response, error) {
	first := req.Clone(req.Context()) // ghinstallation writes into the header
	resp, err := r.next.RoundTrip(first)
	if err != nil {
		return nil, err
	}
	moved := r.skew.learn(resp.Header)
	if resp.StatusCode != http.StatusUnauthorized || moved.Abs() < tolerable || req.Body != nil && req.GetBody == nil {
		return resp, nil
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return resp, nil
		}
	}
	resp.Body.Close()
	return r.next.RoundTrip(again)
}
